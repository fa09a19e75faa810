// SPDX-License-Identifier: Apache-2.0
// A guest's memory: slots of every kind on top of a process's memory, page by page and as runs.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { gfn } from '../../../src/core/address.js';
import { selectVm } from '../../../src/kvm/select.js';
import type { GuestRun } from '../../../src/spaces/guest-run.js';
import { GuestSpace } from '../../../src/spaces/guest-space.js';
import { GuestTranslator } from '../../../src/translate/translator.js';
import { SyntheticHost } from '../../build/host.js';
import { PAGE, swapEntry } from '../../build/memory.js';
import { expectAgreement, runsOf } from '../../build/runs.js';
import { HVA, slot } from '../../build/translators.js';

const GUEST_MEMFD = 4;
const GMEM_ONLY = 1 << 17;
const PRIVATE = (8n << 1n) | 1n;
const OTHER = (7n << 1n) | 1n;
/** First page number that is not a guest frame. */
const BEYOND = 2 ** 40;

const vmOf = (host: SyntheticHost) => selectVm(host.open(), '191', null).vm;

/**
 * Runs with their slots: first page, pages, id of the slot, page of the process relative to HVA, state or reason,
 * frame.
 */
function rowsOf(space: GuestSpace, first: number, end: number) {
  const rows: unknown[] = [];
  for (const { page, pages, slot: held, hva, state, reason, frame } of space.runs(first, end))
    rows.push([page, pages, held?.id ?? null, hva === null ? null : hva - Number(HVA / PAGE), reason ?? state, frame]);
  return rows;
}

interface Slot {
  readonly gap: number;
  readonly pages: number;
  readonly flags: number;
  /** Page number relative to HVA. */
  readonly hva: number;
}

const slots = fc.array(
  fc.record<Slot>({
    gap: fc.constantFrom(0, 0, 1, 7),
    pages: fc.constantFrom(1, 2, 30, 70, 200),
    flags: fc.constantFrom(0, 0, GUEST_MEMFD, GMEM_ONLY),
    hva: fc.nat(600),
  }),
  { maxLength: 5 },
);
/** Attributes of ranges of guest frames. */
const attributes = fc.array(
  fc.tuple(fc.nat(300), fc.integer({ min: 1, max: 90 }), fc.constantFrom(PRIVATE, PRIVATE, OTHER, 0xffff888000000000n)),
  { maxLength: 4 },
);
/** Ranges of the process's pages that are mapped to consecutive frames, or are in swap. */
const mapped = fc.array(fc.tuple(fc.nat(700), fc.integer({ min: 1, max: 100 }), fc.boolean(), fc.nat(50)), {
  maxLength: 6,
});

test('runs, single answers and a translator agree', () => {
  fc.assert(
    fc.property(slots, attributes, mapped, fc.nat(400), fc.nat(500), (list, told, pages, first, length) => {
      const host = new SyntheticHost({ ballast: 40 });
      host.swapArea(0);
      let next = 0;
      const wishes = list.map(({ gap, pages: count, flags, hva }, id) => {
        const start = next + gap;
        next = start + count;
        return slot(id, BigInt(start) * PAGE, BigInt(count), HVA + BigInt(hva) * PAGE, flags);
      });
      const { vm, tables } = host.vmm(191, wishes);
      for (const [from, count, isSwapped, to] of pages)
        for (let i = 0; i < count; i++)
          if (isSwapped) tables.set(HVA + BigInt(from + i) * PAGE, 0, swapEntry(0, BigInt(to + i)));
          else tables.map(HVA + BigInt(from + i) * PAGE, 0x500 + to + i);
      for (const [from, count, entry] of told)
        for (let i = 0; i < count; i++)
          host.xarraySet(vm + host.offset('kvm', 'mem_attr_array.xa_head'), BigInt(from + i), entry);
      const opened = vmOf(host);
      const space = new GuestSpace(opened, 0);
      const runs = runsOf(space, first, first + length);
      expectAgreement(
        space,
        runs.filter(({ pages: count }) => count < 1000),
      );
      const translator = new GuestTranslator(opened, 0);
      const slotOf = (page: number) => list.length > 0 && space.slots.find(gfn(page));
      for (const run of space.runs(first, first + length))
        for (const page of [run.page, run.page + run.pages - 1]) {
          const state = translator.translate(gfn(page));
          const hva = run.hva === null ? null : run.hva + page - run.page;
          expect([state, translator.slot, translator.page]).toEqual([run.state, run.slot, hva]);
          expect(run.slot ?? undefined).toBe(slotOf(page) || undefined);
        }
    }),
    { numRuns: 60 },
  );
});

describe('explicit slots', () => {
  test('holes, neighbours and slots of every kind', () => {
    const host = new SyntheticHost();
    const { tables, vm } = host.vmm(191, [
      slot(0, 0n, 4n),
      slot(1, 4n * PAGE, 4n, HVA + 4n * PAGE),
      slot(2, 16n * PAGE, 200n, HVA + 8n * PAGE, GUEST_MEMFD),
      slot(3, 216n * PAGE, 5n, HVA, GMEM_ONLY),
    ]);
    for (let i = 0; i < 200; i++) tables.map(HVA + BigInt(i) * PAGE, 0x300 + i);
    for (let i = 26; i < 126; i++)
      host.xarraySet(vm + host.offset('kvm', 'mem_attr_array.xa_head'), BigInt(i), i === 40 ? OTHER : PRIVATE);
    const space = new GuestSpace(vmOf(host), 0);
    expect(rowsOf(space, 0, BEYOND + 10)).toEqual([
      [0, 4, 0, 0, 'mapped', 0x300],
      [4, 4, 1, 4, 'mapped', 0x304],
      [8, 8, null, null, 'no-slot', null],
      [16, 10, 2, 8, 'mapped', 0x308],
      [26, 14, 2, 18, 'gmem-private', null],
      [40, 1, 2, 32, 'mapped', 0x320],
      [41, 85, 2, 33, 'gmem-private', null],
      [126, 82, 2, 118, 'mapped', 0x376],
      [208, 8, 2, 200, 'empty-entry', null],
      [216, 5, 3, 0, 'gmem-only', null],
      [221, BEYOND - 221, null, null, 'no-slot', null],
      [BEYOND, 10, null, null, 'beyond-physical', null],
    ]);
    expect(space.limit).toBe(221);
    expect(rowsOf(space, 30, 42)).toEqual([
      [30, 10, 2, 22, 'gmem-private', null],
      [40, 1, 2, 32, 'mapped', 0x320],
      [41, 1, 2, 33, 'gmem-private', null],
    ]);
    expect(rowsOf(space, 9, 9)).toEqual([]);
  });

  test('if a part of the attributes is damaged, only its pages are not known', () => {
    const host = new SyntheticHost();
    const { tables, vm } = host.vmm(191, [slot(0, 0n, 300n, HVA, GUEST_MEMFD)]);
    for (let i = 0; i < 300; i++) tables.map(HVA + BigInt(i) * PAGE, 0x300 + i);
    const head = vm + host.offset('kvm', 'mem_attr_array.xa_head');
    for (let i = 60; i < 140; i++) host.xarraySet(head, BigInt(i), PRIVATE);
    const root = host.pointer(head) - 2n;
    host.u64(slotOf(host, root, 1), 0xffff888ffff00002n);
    const space = new GuestSpace(vmOf(host), 0);
    const expected = [
      [0, 60, 0, 0, 'mapped', 0x300],
      [60, 4, 0, 60, 'gmem-private', null],
      [64, 64, 0, 64, 'gmem-attribute-unreadable', null],
      [128, 12, 0, 128, 'gmem-private', null],
      [140, 160, 0, 140, 'mapped', 0x38c],
    ];
    expect(rowsOf(space, 0, 300)).toEqual(expected);
    expectAgreement(space, runsOf(space, 0, 300), ({ page, pages }) =>
      Array.from({ length: pages }, (_, i) => page + i),
    );
    // A node that records another parent or slot.
    host.set('xa_node', host.pointer(slotOf(host, root, 0)) - 2n, { offset: 5 });
    expect(rowsOf(new GuestSpace(vmOf(host), 0), 0, 80)).toEqual([[0, 80, 0, 0, 'gmem-attribute-unreadable', null]]);
  });

  test('if slots are missing, a hole may be one of them', () => {
    const host = new SyntheticHost();
    const { vm, tables } = host.vmm(191, [slot(0, 0n, 4n)]);
    tables.map(HVA, 0x123);
    host.set('kvm', vm, { nr_memslot_pages: 9 });
    const space = new GuestSpace(vmOf(host), 0);
    expect(rowsOf(space, 0, 8)).toEqual([
      [0, 1, 0, 0, 'mapped', 0x123],
      [1, 3, 0, 1, 'empty-entry', null],
      [4, 4, null, null, 'slot-unreadable', null],
    ]);
    expectAgreement(space, runsOf(space, 0, 8));
  });

  test('two ranges at a time, single answers in between, and bytes do not affect each other', () => {
    const host = new SyntheticHost();
    const { tables } = host.vmm(191, [slot(0, 0n, 8n)]);
    for (const i of [0, 1, 4, 5]) tables.map(HVA + BigInt(i) * PAGE, 0x300 + i);
    host.memory.frames.set(0x301, new Uint8Array(4096).fill(7));
    const space = new GuestSpace(vmOf(host), 0);
    const alone = rowsOf(space, 0, 12);
    const seen: unknown[] = [];
    const answer: GuestRun = space.page(4);
    for (const run of space.runs(0, 12)) {
      const { page, pages, state } = run;
      expect(rowsOf(space, 0, 12)).toEqual(alone);
      expect((space.bytes(1) as DataView).getUint8(5)).toBe(7);
      expect(space.bytes(2)).toMatchObject({ reason: 'empty-entry', message: expect.stringContaining('is empty') });
      expect(space.bytes(4)).toEqual({ reason: 'outside', message: 'no such frame' });
      expect([run.page, run.pages, run.state]).toEqual([page, pages, state]);
      expect([answer.page, answer.frame]).toEqual([4, 0x304]);
      seen.push(page);
    }
    expect(seen).toEqual([0, 2, 4, 6, 8]);
  });
});

/** Address of a slot of an XArray's node. */
const slotOf = (host: SyntheticHost, node: bigint, which: number): bigint =>
  node + host.offset('xa_node', 'slots') + BigInt(which * 8);
