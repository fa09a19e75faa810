// SPDX-License-Identifier: Apache-2.0
// The pieces of page tables, on random tables (some damaged, shared or in loops) and on tables made by hand.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pfn, type Vpn } from '../../../src/core/address.js';
import { x86Form } from '../../../src/paging/form.js';
import { TableScan } from '../../../src/paging/table-scan.js';
import { Walk } from '../../../src/paging/walker.js';
import { HUGE, PAGE, PageTables, PhysicalMemory, TABLE } from '../../build/memory.js';
import { plainWalk, randomSpaces, type Space } from '../../build/page-tables.js';

const vpn = (page: number) => page as Vpn;
/** The address in an entry. */
const ADDRESS = 0xf_ffff_ffff_f000n;
/** Pieces that are looked at of each range. */
const MOST = 100;

/** What a piece says of some of its pages. */
function* saidOf(scan: TableScan): Generator<readonly [page: number, entry: bigint, frame: number | null]> {
  const { first, pages, index, table } = scan;
  for (const i of new Set([0, 1, 99, Math.floor(pages / 2), pages - 1].filter((each) => each < pages)))
    if (table !== null) yield [first + i, table.getBigUint64((index + i) * 8, true), null];
    else yield [first + i, (BigInt(scan.hi >>> 0) << 32n) | BigInt(scan.lo >>> 0), scan.frame + i];
}

function check(space: Space): void {
  const { memory, root, levels, sme, from, to } = space;
  const scan = new TableScan(memory, x86Form(levels, sme)).of(root);
  scan.over(vpn(from), vpn(to));
  let [at, pieces] = [from, 0];
  while (pieces++ < MOST && scan.next()) {
    if (scan.first !== at) expect(scan.first).toBe(at);
    at += scan.pages;
    if (scan.isRepeated) continue;
    for (const [page, entry, frame] of saidOf(scan)) {
      const right = plainWalk(space, page);
      const isLeaf = scan.table === null && scan.status === Walk.Mapped;
      const said = [
        page,
        entry,
        ...(scan.table === null ? [scan.status, scan.level] : []),
        ...(isLeaf ? [frame, scan.protNone] : []),
      ];
      const wanted = [
        page,
        right.entry,
        ...(scan.table === null ? [right.status, right.level] : []),
        ...(isLeaf ? [right.frame, right.protNone] : []),
      ];
      if (said.some((value, i) => value !== wanted[i])) expect(said).toEqual(wanted);
    }
  }
  if (pieces <= MOST) expect(at).toBe(Math.max(from, to));
}

test('each piece says what a walk to its pages finds', () => {
  fc.assert(fc.property(randomSpaces, check), { numRuns: 300 });
});

describe('a table that is entered twice', () => {
  const memory = new PhysicalMemory(0x100000);
  const tables = new PageTables(memory, 4);
  for (let i = 0; i < 4; i++) tables.map(BigInt(i) * PAGE, 0x5000 + i);
  const [pmd, pte] = [1, 0].map((level) => tableAt(level));
  /** The frame of the table of a level that covers page 0. */
  function tableAt(level: number): number {
    let table = Number(tables.root);
    for (let at = 3; at > level; at--) table = Number((memory.readU64(BigInt(table) * PAGE) & ADDRESS) / PAGE);
    return table;
  }
  const pieces = () => {
    const scan = new TableScan(memory, x86Form(4)).of(tables.root);
    const found: [number, number, boolean][] = [];
    for (scan.over(vpn(0), vpn(2 ** 35)); scan.next(); )
      if (scan.table !== null || scan.isRepeated) found.push([scan.first, scan.pages, scan.isRepeated]);
    return found;
  };

  test.each([
    ['a PTE table', 1, pte],
    ['a PMD table', 2, pmd],
    ['the top table, by itself', 3, Number(tables.root)],
  ] as const)('%s is one piece', (_, level, target) => {
    // Entry 1 of a table leads to it as well.
    const size = 512 ** level;
    tables.set(BigInt(size) * PAGE, level, BigInt(target as number) * PAGE + TABLE);
    const found = pieces();
    tables.set(BigInt(size) * PAGE, level, 0n);
    expect(found).toEqual([
      [0, 512, false],
      [size, size, true],
    ]);
  });

  test('is not damage for a PMD table of hugetlbfs', () => {
    const other = new PageTables(memory, 4);
    other.set(0n, 1, (0x8000n << 12n) | TABLE | HUGE);
    const pud = memory.readU64(BigInt(other.root) * PAGE) & ADDRESS;
    const shared = Number((memory.readU64(pud) & ADDRESS) / PAGE);
    other.set(512n ** 2n * PAGE, 2, BigInt(shared) * PAGE + TABLE);
    const scan = new TableScan(memory, x86Form(4)).of(pfn(Number(other.root)));
    const found: [number, number][] = [];
    for (scan.over(vpn(0), vpn(2 ** 19), true); scan.next(); )
      if (scan.status === Walk.Mapped) found.push([scan.first, scan.frame]);
    expect(found).toEqual([
      [0, 0x8000],
      [2 ** 18, 0x8000],
    ]);
  });
});
