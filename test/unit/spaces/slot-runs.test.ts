// SPDX-License-Identifier: Apache-2.0
// Runs of memslots, cut by ranges and NUMA nodes, held against single answers.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { selectVm } from '../../../src/kvm/select.js';
import { GuestSpace } from '../../../src/spaces/guest-space.js';
import type { Nodes } from '../../../src/spaces/placed-runs.js';
import { merged, type PageRange } from '../../../src/spaces/ranges.js';
import { SlotRuns } from '../../../src/spaces/slot-runs.js';
import { Totals } from '../../../src/spaces/totals.js';
import { SyntheticHost } from '../../build/host.js';
import { PAGE, swapEntry } from '../../build/memory.js';
import { HVA, slot } from '../../build/translators.js';

/** Nodes of `width` frames each: frame / width modulo `count`; the last one is of no node. */
const nodesOf = (width: number, count: number): Nodes & { of(frame: number): number | null } => ({
  end: 0,
  of: (frame) => (Math.floor(frame / width) % count === count - 1 ? null : Math.floor(frame / width) % count),
  nodeOf(frame) {
    // It is right to say that less of it is known than there is.
    (this as { end: number }).end = (Math.floor(frame / width) + 1) * width;
    return this.of(frame);
  },
  missed: () => undefined,
});

/** Some pages, as what a single answer and a run can be compared by. */
interface Row {
  readonly page: number;
  readonly slot: number;
  readonly state: string;
  readonly reason: string | null;
  readonly frame: number | null;
  readonly swap: number | null;
  readonly node: number | null;
}

function rowsOf(space: GuestSpace, ranges: readonly PageRange[], nodes: Nodes | null): (Row & { pages: number })[] {
  const cursor = new SlotRuns(space, ranges, nodes);
  const rows: (Row & { pages: number })[] = [];
  while (cursor.advance()) {
    const { first: page, pages, slot: held, page: hva, state, reason, frame, node, swap } = cursor.run;
    expect(hva - held.page).toBe(page - held.first);
    rows.push({ page, pages, slot: held.id, state, reason, frame, swap: swap?.offset ?? null, node });
  }
  expect(cursor.pages).toBe(rows.reduce((sum, { pages }) => sum + pages, 0));
  return rows;
}

const on = (value: number | null, by: number): number | null => (value === null ? null : value + by);

/** Each page of a row. */
const pagesOf = ({ pages, page, frame, swap, ...rest }: Row & { pages: number }): Row[] =>
  Array.from({ length: pages }, (_, i) => ({ ...rest, page: page + i, frame: on(frame, i), swap: on(swap, i) }));

const isContinued = (a: Row & { pages: number }, b: Row): boolean =>
  JSON.stringify(pagesOf({ ...a, pages: a.pages + 1 }).at(-1)) === JSON.stringify(pagesOf({ ...b, pages: 1 })[0]);

const range = fc.tuple(fc.nat(500), fc.nat(200)).map(([first, pages]): PageRange => ({ first, end: first + pages }));

test('each page of a slot in the ranges is in one run, with its answer and node; no run continues another', () => {
  const lists = fc.array(fc.tuple(fc.constantFrom(0, 0, 1, 9), fc.constantFrom(1, 3, 64, 200)), { maxLength: 5 });
  const stretches = fc.array(fc.tuple(fc.nat(450), fc.integer({ min: 1, max: 90 }), fc.boolean(), fc.nat(60)), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(
      lists,
      stretches,
      fc.array(range, { maxLength: 4 }),
      fc.constantFrom(1, 7, 32, 1000),
      fc.constantFrom(1, 2, 3),
      (list, pages, asked, width, count) => {
        const host = new SyntheticHost({ ballast: 20 });
        host.swapArea(0);
        let next = 0;
        const wishes = list.map(([gap, length], id) => {
          const first = next + gap;
          next = first + length;
          return slot(id, BigInt(first) * PAGE, BigInt(length), HVA + BigInt(first) * PAGE);
        });
        const { tables } = host.vmm(191, wishes);
        for (const [from, length, isSwapped, to] of pages)
          for (let i = 0; i < length; i++)
            if (isSwapped) tables.set(HVA + BigInt(from + i) * PAGE, 0, swapEntry(0, BigInt(to + i)));
            else tables.map(HVA + BigInt(from + i) * PAGE, 0x500 + to + i);
        const space = new GuestSpace(selectVm(host.open(), '191', null).vm, 0);
        const nodes = nodesOf(width, count);
        const ranges = merged(asked);
        const rows = rowsOf(space, ranges, nodes);
        const expected: Row[] = [];
        for (const { first, end } of ranges)
          for (let page = first; page < end; page++) {
            const { slot: held, state, reason, frame, swap } = space.page(page);
            if (held === null) continue;
            const node = state === 'mapped' ? nodes.of(frame as number) : null;
            expected.push({ page, slot: held.id, state, reason, frame, swap: swap?.offset ?? null, node });
          }
        const sorted = (row: Row) => [row.page, row.slot, row.state, row.reason, row.frame, row.swap, row.node];
        expect(rows.flatMap(pagesOf).map(sorted)).toEqual(expected.map(sorted));
        for (const [i, row] of rows.entries()) if (i > 0) expect(isContinued(rows[i - 1] as never, row)).toBe(false);
      },
    ),
    { numRuns: 80 },
  );
});

describe('totals', () => {
  test('are the sums of the runs', () => {
    const host = new SyntheticHost();
    host.swapArea(0);
    const { tables } = host.vmm(191, [slot(0, 0n, 10n)]);
    for (const i of [0, 1, 5]) tables.map(HVA + BigInt(i) * PAGE, 0x500 + i);
    tables.set(HVA + 2n * PAGE, 0, swapEntry(0, 9n));
    const sums = new Totals();
    const space = new GuestSpace(selectVm(host.open(), '191', null).vm, 0);
    const cursor = new SlotRuns(space, [{ first: 0, end: 2 ** 40 }], nodesOf(0x501, 3));
    while (cursor.advance()) sums.add(cursor.run);
    expect(sums).toMatchObject({ pages: 10, runs: 6, protNone: 0 });
    expect([...sums.states]).toEqual([
      ['mapped', 3],
      ['swapped', 1],
      ['not-present', 6],
    ]);
    expect([...sums.sizes]).toEqual([[4096, 3]]);
    expect([...sums.nodes]).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(sums.problems()).toEqual([]);
  });
});

test.each<[string, PageRange[], PageRange[]]>([
  ['none', [], []],
  ['empty ones', [{ first: 4, end: 4 }], []],
  [
    'neighbours and overlaps',
    [
      { first: 8, end: 9 },
      { first: 0, end: 3 },
      { first: 2, end: 4 },
      { first: 4, end: 5 },
    ],
    [
      { first: 0, end: 5 },
      { first: 8, end: 9 },
    ],
  ],
  [
    'one inside another',
    [
      { first: 0, end: 9 },
      { first: 2, end: 3 },
    ],
    [{ first: 0, end: 9 }],
  ],
])('merged ranges: %s', (_, given, made) => {
  expect(merged(given)).toEqual(made);
});
