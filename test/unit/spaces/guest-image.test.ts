// SPDX-License-Identifier: Apache-2.0
// A guest's memory as the memory of a machine: which frames it has, and why it has no others.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pfn } from '../../../src/core/address.js';
import { silentLog } from '../../../src/core/log.js';
import { CR3, CR4 } from '../../../src/elf/qemu-note.js';
import { selectVm } from '../../../src/kvm/select.js';
import { frameGapOf, guestImage } from '../../../src/spaces/guest-image.js';
import { SyntheticHost } from '../../build/host.js';
import { PAGE, swapEntry } from '../../build/memory.js';
import { HVA, slot } from '../../build/translators.js';
import { amdTypes, VcpuHost } from '../../build/vcpus.js';

const imageOf = (host: SyntheticHost) => guestImage(selectVm(host.open(silentLog), '191', null), 'guest');
const EXCLUDED = { reason: 'excluded', message: 'left out', by: 'makedumpfile' } as const;

/** Slots at pages 0 and 0x40; pages that are absent, swapped, missing in the dump, and contents that name each page. */
function withGaps(states: readonly number[]): SyntheticHost {
  const host = new SyntheticHost();
  const { tables } = host.vmm(191, [slot(0, 0n, 0x20n), slot(1, 0x40000n, 0x20n, HVA + 0x20n * PAGE)]);
  for (const [i, state] of states.entries()) {
    const at = HVA + BigInt(i) * PAGE;
    const frame = 0x5000 + i;
    if (state === 1) tables.set(at, 0, swapEntry(0, BigInt(i)));
    if (state < 2) continue;
    tables.map(at, frame);
    if (state === 2) host.memory.gaps.set(frame, EXCLUDED);
    else host.memory.frames.set(frame, Buffer.alloc(4096, `page ${i} `));
  }
  return host;
}

const gpnOf = (i: number): number => (i < 0x20 ? i : i + 0x20);

test('frames, gaps and the frames that are present, of every state of a page', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(0, 1, 2, 3, 3), { minLength: 64, maxLength: 64 }), (states) => {
      const { reader } = imageOf(withGaps(states));
      expect(reader.limit).toBe(0x60);
      const reasons = Array.from({ length: 0x70 }, (_, frame) => {
        const page = reader.page(pfn(frame));
        if (!(page instanceof DataView)) return page.reason;
        return Buffer.from(page.buffer, page.byteOffset, 16).toString('latin1').replace(/ .*/, '');
      });
      const expected = Array.from({ length: 0x70 }, () => 'outside');
      for (const [i, state] of states.entries())
        expected[gpnOf(i)] = ['absent', 'absent', 'excluded', 'page'][state] as string;
      expect(reasons).toEqual(expected);
      expect([...reader.present()]).toEqual(expected.flatMap((word, frame) => (word === 'page' ? [frame] : [])));
      for (const end of [0x10, 0x40, 0x70])
        for (let frame = 0; frame < end; frame++) {
          if (expected[frame] === 'page') continue;
          const next = reader.gapEnd(pfn(frame), end);
          expect(next > frame && next <= end).toBe(true);
          // All the frames of a gap are missing, for the same reason.
          expect(new Set(expected.slice(frame, next))).toEqual(new Set([expected[frame]]));
        }
    }),
    { numRuns: 15 },
  );
});

test('bytes are those of the page', () => {
  const { reader } = imageOf(withGaps(Array.from({ length: 64 }, () => 3)));
  const page = reader.page(pfn(0x5f)) as DataView;
  expect(Buffer.from(page.buffer, page.byteOffset, 8).toString()).toBe('page 63 ');
  expect(reader.vmcoreinfo).toBeNull();
});

test('a note for each vCPU whose page tables are known; none of one that ran a guest of its own', () => {
  const host = new VcpuHost('bitmap', { vendor: { name: 'kvm_amd', types: amdTypes('bitmap') } });
  const vcpu = (index: number, cr3: bigint, values = {}): void => {
    const vmcb = host.vmcb({ 336: cr3, 344: 0x80050033n });
    host.vcpu(index, {
      values: { 'arch.cr0': 0x80050033n, 'arch.cr3': cr3, 'arch.cr4': 0x10f0n, ...values },
      svm: { vmcb },
    });
  };
  vcpu(0, 0x1000n);
  vcpu(1, 0x2000n, { 'arch.hflags': 1 });
  vcpu(2, 0x3000n);
  const { notes } = imageOf(host).reader;
  expect(notes.map(({ desc }) => [desc.u64(CR3), desc.u64(CR4)])).toEqual([
    [0x1000n, 0x10f0n],
    [0x3000n, 0x10f0n],
  ]);
});

test('reasons of guests in the terms of dumps', () => {
  const of = (reason: never) => frameGapOf({ reason, message: 'why' });
  const words = {
    'no-slot': 'outside',
    'beyond-physical': 'outside',
    excluded: 'excluded',
    'cut-off': 'cut-off',
    'swap-entry': 'absent',
    'empty-entry': 'absent',
    'table-excluded': 'absent',
    'gmem-private': 'absent',
  };
  for (const [reason, expected] of Object.entries(words))
    expect(of(reason as never)).toEqual({ reason: expected, message: 'why' });
  expect(frameGapOf({ reason: 'excluded', message: 'why', remedies: ['vm'] }).remedies).toEqual(['vm']);
});
