// SPDX-License-Identifier: Apache-2.0
// The contents of swapped pages of guests: what the writers in the guests, and the VM `states`, wrote to them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { loadKernelCodecs } from '../../../src/codecs/index.js';
import { selectVm } from '../../../src/kvm/select.js';
import { openDump } from '../../../src/open.js';
import { GuestSpace } from '../../../src/spaces/guest-space.js';
import { MmSpace } from '../../../src/spaces/mm-space.js';
import { dumpFolder } from '../../build/recorded.js';
import { needing, recordedHosts } from '../../needs.js';

const { test } = needing(recordedHosts);

/** Bits of the first word of a page that the VM `states` wrote; its GPA is added. */
const WRITTEN = 0x6b766d0000000000n;

interface Wanted {
  readonly gpa: number;
  /** The first bytes. */
  readonly start: bigint;
  readonly bytes: 4 | 8;
}

/** What pages began with, by the pid of the process that has the VM. */
function wantedIn(truth: string): Map<number, Wanted[]> {
  const pidOf = (name: string): number =>
    Number(new RegExp(`^(?:GUEST ${name}|VM(?= \\d+ \\d+ ${name}$)) (\\d+)`, 'm').exec(truth)?.[1]);
  const wanted = new Map<number, Wanted[]>();
  const add = (name: string, page: Wanted): void => {
    const pid = pidOf(name);
    wanted.set(pid, [...(wanted.get(pid) ?? []), page]);
  };
  for (const [, name = '', gpa = '', value = ''] of truth.matchAll(/^PAGE (\S+) \S+ (\S+) (\S+)/gm))
    add(name, { gpa: parseInt(gpa, 16), start: BigInt(`0x${value.replace(/^0x/, '')}`), bytes: 4 });
  for (const [, start = '', size = ''] of truth.matchAll(/^STATE states (\S+) (\S+) (?:swapped|shmem-swapped)\b/gm))
    for (let gpa = parseInt(start, 16); gpa < parseInt(start, 16) + parseInt(size, 16); gpa += 4096)
      add('states', { gpa, start: WRITTEN + BigInt(gpa), bytes: 8 });
  return wanted;
}

test('debian-6.12-facts: every page that is known and not in the swap cache', async () => {
  const folder = dumpFolder('debian-6.12-facts');
  await loadKernelCodecs();
  const { host, close } = await openDump(join(folder, 'vmcore'));
  const wanted = wantedIn(readFileSync(join(folder, 'truth.txt'), 'latin1'));
  const wrong: unknown[] = [];
  const stores = new Map<string, number>();
  for (const [pid, pages] of wanted) {
    const { vm } = selectVm(host, `${pid}`, null);
    const memory = new MmSpace(host, vm.mm);
    const space = new GuestSpace(vm, 0, memory);
    for (const { gpa, start, bytes } of pages) {
      const { swap, frame } = space.page(gpa / 4096);
      if (swap === null || frame !== null) continue;
      const { store } = memory.swappedBytes.find(swap);
      stores.set(store, (stores.get(store) ?? 0) + 1);
      const page = memory.swappedBytes.read(swap);
      if (page === null) continue;
      const view = new DataView(page.buffer, page.byteOffset, 4096);
      const found = bytes === 8 ? view.getBigUint64(0, true) : BigInt(view.getUint32(0, true));
      if (found !== start) wrong.push({ gpa, start, found });
    }
  }
  expect(wrong).toEqual([]);
  expect(Object.fromEntries(stores)).toEqual({ zram: 8 });
  close();
});
