// SPDX-License-Identifier: Apache-2.0
// Ranges of synthetic page tables.
import { describe, expect, test } from '@jest/globals';
import { pfn, type Vpn, vpnOf } from '../../../src/core/address.js';
import { x86Form } from '../../../src/paging/form.js';
import { NO_ENTRY, PageRuns } from '../../../src/paging/runs.js';
import { Walk } from '../../../src/paging/walker.js';
import { HUGE, PAGE, PageTables, PhysicalMemory, protNone, swapEntry, TABLE } from '../../build/memory.js';
import { Counted, runsOf } from '../../build/page-runs.js';

const vpn = (page: number) => page as Vpn;
const address = (page: number) => BigInt(page) * PAGE;

const BASE = 0x7f0222a00;
const memory = new PhysicalMemory(0x100000);
const tables = new PageTables(memory, 4);
for (let i = 0; i < 512; i++) tables.map(address(BASE + i), 0x5000 + i);
for (let i = 0; i < 100; i++) tables.map(address(BASE + 512 + i), 0x5200 + i);
for (let i = 100; i < 110; i++) tables.set(address(BASE + 512 + i), 0, protNone(0x5200 + i));
tables.set(address(BASE + 512 + 110), 0, swapEntry(1, 70n));
tables.set(address(BASE + 512 + 111), 0, swapEntry(1, 71n));
// The rest of this table is empty, and so are the next entry of the PMD table and a table with only the erratum's bits.
tables.set(address(BASE + 3 * 512 + 5), 0, 0x60n);
tables.map(address(BASE + 4 * 512), 0x8000, 1);
tables.map(address(BASE + 5 * 512), 0x8200, 1);
tables.map(address(BASE + 6 * 512), 0x8400);
tables.set(address(BASE + 7 * 512), 1, swapEntry(28, 0x9000n));
tables.set(address(BASE + 8 * 512), 1, (0x99n << 12n) | TABLE);
tables.set(address(BASE + 9 * 512), 1, (0x98n << 12n) | TABLE);
tables.set(address(BASE + 10 * 512), 1, (0x8001n << 13n) | TABLE | HUGE);
const over = (from: number, to: number) => new PageRuns(memory, x86Form(4)).over(tables.root, vpn(from), vpn(to));
/** First page (relative to BASE), pages, status, level, frame of the page or the missing table, PROT_NONE. */
const stretches = (from: number, to: number) =>
  runsOf(over(from, to), 'nextStretch').map((run) => [
    run.first - BASE,
    run.pages,
    run.status,
    run.level,
    run.status === Walk.Mapped || run.status === Walk.TableMissing ? run.frame : null,
    run.protNone,
  ]);

test('as longest stretches', () => {
  expect(stretches(BASE - 10, BASE + 11 * 512)).toEqual([
    [-10, 10, Walk.Empty, 1, null, false],
    [0, 612, Walk.Mapped, 0, 0x5000, false],
    [612, 10, Walk.Mapped, 0, 0x5264, true],
    [622, 1, Walk.Special, 0, null, false],
    [623, 1, Walk.Special, 0, null, false],
    [624, 400 + 512 + 512, Walk.Empty, 0, null, false],
    [2048, 1024, Walk.Mapped, 1, 0x8000, false],
    [3072, 1, Walk.Mapped, 0, 0x8400, false],
    [3073, 511, Walk.Empty, 0, null, false],
    [3584, 512, Walk.Special, 1, null, false],
    [4096, 512, Walk.TableMissing, 0, 0x99, false],
    [4608, 512, Walk.TableMissing, 0, 0x98, false],
    [5120, 512, Walk.Bad, 1, null, false],
  ]);
});

test('cut inside large leaves and missing tables', () => {
  expect(stretches(BASE + 2050, BASE + 2060)).toEqual([[2050, 10, Walk.Mapped, 1, 0x8002, false]]);
  expect(stretches(BASE + 4100, BASE + 4110)).toEqual([[4100, 10, Walk.TableMissing, 0, 0x99, false]]);
  expect(stretches(BASE + 600, BASE + 613)).toEqual([
    [600, 12, Walk.Mapped, 0, 0x5258, false],
    [612, 1, Walk.Mapped, 0, 0x5264, true],
  ]);
  expect(stretches(BASE, BASE)).toEqual([]);
  expect(stretches(BASE + 1, BASE)).toEqual([]);
});

test('an empty entry of the top table is one step, and every table is read once', () => {
  const source = new Counted(memory);
  const whole = () => new PageRuns(source, x86Form(4)).over(tables.root, vpn(0), vpn(2 ** 36));
  const all = runsOf(whole(), 'next');
  expect(all.filter(({ pages }) => pages === 2 ** 27)).toHaveLength(511);
  // All entries of the top, PUD and PMD tables and of four PTE tables, except those that point to one of these.
  expect(all).toHaveLength(511 + 511 + (512 - 4) + 4 * 512);
  expect(source.calls).toBe(3 + 4 + 2);
  source.calls = 0;
  expect(runsOf(whole(), 'nextStretch')).toHaveLength(14);
  expect(source.calls).toBe(3 + 4 + 2);
});

test('without a top table the whole range is one run without an entry', () => {
  const runs = new PageRuns(memory, x86Form(4)).over(pfn(0x97), vpn(5), vpn(2 ** 35));
  expect(runsOf(runs, 'next')).toEqual([
    {
      first: 5,
      pages: 2 ** 35 - 5,
      status: Walk.TableMissing,
      frame: 0x97,
      level: 3,
      protNone: false,
      entry: 0n,
      entryAddress: NO_ENTRY,
    },
  ]);
});

test("pages in the kernel's half have the numbers of their addresses", () => {
  const own = new PhysicalMemory(0x100000);
  const kernel = new PageTables(own, 4);
  const start = 0xffff_ffff_ffe0_0000n;
  kernel.map(start & 0xffff_ffff_ffffn, 0x1000, 1);
  const runs = new PageRuns(own, x86Form(4)).over(kernel.root, vpn(vpnOf(start) - 3), vpn(2 ** 52));
  expect(runsOf(runs, 'nextStretch').map((run) => [run.first, run.pages, run.status])).toEqual([
    [2 ** 52 - 515, 3, Walk.Empty],
    [2 ** 52 - 512, 512, Walk.Mapped],
  ]);
});

test('PROT_NONE entries, whose frames are inverted, do not continue a run when their numbers increase', () => {
  const own = new PhysicalMemory(0x100000);
  const few = new PageTables(own, 4);
  for (const [i, frame] of [0x500, 0x4ff, 0x4fe, 0x4ff, 0x500].entries()) few.set(BigInt(i) * PAGE, 0, protNone(frame));
  const runs = new PageRuns(own, x86Form(4)).over(few.root, vpn(0), vpn(5));
  expect(runsOf(runs, 'nextStretch').map((run) => [run.first, run.pages, run.frame])).toEqual([
    [0, 1, 0x500],
    [1, 1, 0x4ff],
    [2, 3, 0x4fe],
  ]);
});

test('an entry that continues the one before in its lower half alone does not continue the run', () => {
  const own = new PhysicalMemory(0x10000000);
  const few = new PageTables(own, 4);
  const last = 0x2fffff;
  for (const [i, frame] of [last - 1, last, 0x200000, 0x200001, last, last + 1, last + 2].entries())
    few.map(BigInt(i) * PAGE, frame);
  const runs = new PageRuns(own, x86Form(4)).over(few.root, vpn(0), vpn(7));
  expect(runsOf(runs, 'nextStretch').map((run) => [run.first, run.pages, run.frame])).toEqual([
    [0, 2, last - 1],
    [2, 2, 0x200000],
    [4, 3, last],
  ]);
});

describe('tables that lead to each other', () => {
  /** All user addresses of 4-level tables. */
  const ALL = 2 ** 35;
  const MOST_RUNS = 4_000_000;

  /** Sets a table. */
  const fill = (loops: PhysicalMemory, frame: number, next: (i: number) => bigint): void => {
    const table = Buffer.alloc(4096);
    for (let i = 0; i < 512; i++) table.writeBigUInt64LE(next(i), i * 8);
    loops.frames.set(frame, table);
  };
  const to = (frame: number, flags = TABLE): bigint => (BigInt(frame) << 12n) | flags;

  test.each<[string, (loops: PhysicalMemory) => void]>([
    [
      'the top table to itself',
      (loops) => {
        fill(loops, 1, () => to(1));
      },
    ],
    [
      'a PMD table to itself',
      (loops) => {
        fill(loops, 1, () => to(2));
        fill(loops, 2, () => to(3));
        fill(loops, 3, () => to(3));
      },
    ],
    [
      'all entries to the same tables',
      (loops) => {
        for (const level of [1, 2, 3]) fill(loops, level, () => to(level + 1));
        fill(loops, 4, (i) => to(0x500 + ((i * 7) % 512)));
      },
    ],
    [
      'all entries to the same huge pages',
      (loops) => {
        for (const level of [1, 2]) fill(loops, level, () => to(level + 1));
        fill(loops, 3, (i) => to(0x800 + ((i * 7) % 512) * 512, TABLE | HUGE));
      },
    ],
  ])('%s: an error after a bounded number of runs', (_, make) => {
    const loops = new PhysicalMemory(0x100000);
    make(loops);
    for (const read of ['next', 'nextStretch'] as const) {
      const runs = new PageRuns(loops, x86Form(4)).over(pfn(1), vpn(0), vpn(ALL));
      let count = 0;
      expect(() => {
        while (count < MOST_RUNS && runs[read]()) count++;
      }).toThrow(
        /^page tables: more than 1024 entries lead to tables that others lead to, such as the one at physical address 0x[1-4]000$/,
      );
      expect(count).toBeLessThan(MOST_RUNS);
      // The same object can be used for another range.
      expect(runs.over(pfn(1), vpn(0), vpn(1))[read]()).toBe(true);
    }
  });

  test('PMD tables of hugetlbfs that several places share are no error', () => {
    const shared = new PhysicalMemory(0x1000000);
    fill(shared, 1, (i) => (i === 0 ? to(2) : 0n));
    fill(shared, 2, () => to(3));
    fill(shared, 3, (i) => to(0x800 + i * 512, TABLE | HUGE));
    const runs = new PageRuns(shared, x86Form(4)).over(pfn(1), vpn(0), vpn(2 ** 27));
    let [count, pages] = [0, 0];
    while (runs.nextStretch()) [count, pages] = [count + 1, pages + runs.pages];
    expect([count, pages]).toEqual([512, 2 ** 27]);
  });
});
