// SPDX-License-Identifier: Apache-2.0
// Every VM of every recorded host: for each page of each slot, runs give the same answer as a single translation.
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { gfn } from '../../../src/core/address.js';
import { Kvm } from '../../../src/kvm/kvm.js';
import type { Memslot } from '../../../src/kvm/memslots/slot.js';
import { Vm } from '../../../src/kvm/vm.js';
import { openDump } from '../../../src/open.js';
import type { GuestRun } from '../../../src/spaces/guest-run.js';
import { GuestSpace } from '../../../src/spaces/guest-space.js';
import { MmSpace } from '../../../src/spaces/mm-space.js';
import { kept, type Run } from '../../../src/spaces/space.js';
import { GuestTranslator } from '../../../src/translate/translator.js';
import { dumpFolder } from '../../build/recorded.js';
import { needing, recordedHosts } from '../../needs.js';

const { test } = needing(recordedHosts);

const HOSTS = [
  'debian-5.10-lzo',
  'debian-6.1-zlib',
  'debian-6.12-facts',
  'debian-6.12-intel',
  'debian-6.12-zstd',
  'debian-7.2-zstd-contents',
];

/** The answer of a run for the page that is `on` pages after the first, without its message. */
function text({ state, reason, frame, pageSize, protNone, swap }: Told, slot: Memslot | null, on: number): string {
  const place = swap === null ? '' : `${swap.type} ${swap.offset + on} ${swap.device ?? ''}`;
  return `${state} ${reason ?? ''} ${frame === null ? '' : frame + on} ${pageSize ?? ''} ${protNone} ${place} ${slot?.address ?? ''}`;
}
type Told = Pick<Run, 'state' | 'reason' | 'pageSize' | 'protNone' | 'swap'> & { readonly frame: number | null };

/** The pages of a run; for a hole, which can be large, only the first and the last. */
const pagesOf = ({ pages, slot }: GuestRun): number[] =>
  slot === null ? [0, pages - 1] : Array.from({ length: pages }, (_, i) => i);

test.each(HOSTS)('%s: every page of every slot', async (name) => {
  const { host, close } = await openDump(join(dumpFolder(name), 'vmcore'));
  const kvm = new Kvm(host);
  const wrong: unknown[] = [];
  let [vms, right] = [0, 0];
  for (const address of kvm.all()) {
    const vm = new Vm(kvm, address);
    const memory = new MmSpace(host, vm.mm);
    vms++;
    for (let at = 0; at < vm.spaces; at++) {
      const space = new GuestSpace(vm, at, memory);
      const translator = new GuestTranslator(vm, at);
      let next = 0;
      for (const run of space.runs(0, space.limit + 5)) {
        if (run.page !== next) wrong.push({ next, page: run.page });
        next = run.page + run.pages;
        const [told, { page, slot, hva, message }] = [kept(run), run];
        for (const on of pagesOf(run)) {
          translator.translate(gfn(page + on));
          const [ofRun, single] = [text(told, slot, on), text(translator, translator.slot, 0)];
          const isSame =
            translator.page === (hva === null ? null : hva + on) && (on > 0 || translator.message === message);
          if (ofRun === single && isSame) right++;
          else wrong.push({ page: page + on, ofRun, single });
        }
      }
      expect(next).toBe(space.limit + 5);
    }
  }
  close();
  expect(wrong.slice(0, 10)).toEqual([]);
  expect(vms).toBeGreaterThanOrEqual(6);
  expect(right).toBeGreaterThan(150_000);
});
