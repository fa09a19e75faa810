// SPDX-License-Identifier: Apache-2.0
// Tables of page-table entries: what an entry at each level means.
import { describe, expect, test } from '@jest/globals';
import { vpnOf } from '../../../src/core/address.js';
import { x86Form } from '../../../src/paging/form.js';
import { PageWalker, Walk } from '../../../src/paging/walker.js';
import {
  HUGE,
  PAGE,
  PageTables,
  PhysicalMemory,
  PRESENT,
  PROTNONE,
  protNone,
  swapEntry,
  TABLE,
  va,
} from '../../build/memory.js';

const NX = 1n << 63n;
const PAT_LARGE = 1n << 12n;
const at = (frame: number) => BigInt(frame) * PAGE;
const GAP = { reason: 'excluded', message: 'left out' } as const;

interface Case {
  readonly name: string;
  readonly address: bigint;
  /** Level of the entry, and the entry. */
  readonly level: number;
  readonly entry: bigint;
  readonly status: Walk;
  readonly ends?: number;
  readonly frame?: number;
  readonly protNone?: boolean;
}

const cases: readonly Case[] = [
  {
    name: 'a 4 KiB page',
    address: va(3, 5, 7, 9),
    level: 0,
    entry: at(0x1234) | TABLE,
    status: Walk.Mapped,
    frame: 0x1234,
  },
  {
    name: 'one above 4 GiB, NX',
    address: va(3, 5, 7, 9),
    level: 0,
    entry: at(0x123456789) | TABLE | NX,
    status: Walk.Mapped,
    frame: 0x123456789,
  },
  {
    name: 'the last frame of 52 bits',
    address: va(3, 5, 7, 9),
    level: 0,
    entry: at(0xffffffffff) | TABLE,
    status: Walk.Mapped,
    frame: 0xffffffffff,
  },
  {
    name: 'one with protection key bits',
    address: va(1, 1, 1, 1),
    level: 0,
    entry: at(0x77) | TABLE | (0xfn << 59n),
    status: Walk.Mapped,
    frame: 0x77,
  },
  {
    name: 'a page inside a 2 MiB mapping',
    address: va(3, 5, 8, 2),
    level: 1,
    entry: at(0x7c00) | TABLE | HUGE,
    status: Walk.Mapped,
    ends: 1,
    frame: 0x7c02,
  },
  {
    name: 'one with the PAT bit inside the address bits',
    address: va(3, 5, 8, 511),
    level: 1,
    entry: at(0x7c00) | TABLE | HUGE | PAT_LARGE,
    status: Walk.Mapped,
    ends: 1,
    frame: 0x7dff,
  },
  {
    name: 'a page inside a 1 GiB mapping',
    address: va(3, 6, 1, 1),
    level: 2,
    entry: at(0xc0000) | TABLE | HUGE,
    status: Walk.Mapped,
    ends: 2,
    frame: 0xc0201,
  },
  {
    name: 'one with the PAT bit',
    address: va(3, 6, 511, 511),
    level: 2,
    entry: at(0x1040000) | TABLE | HUGE | PAT_LARGE,
    status: Walk.Mapped,
    ends: 2,
    frame: 0x107ffff,
  },
  {
    name: 'a PROT_NONE page',
    address: va(3, 5, 7, 9),
    level: 0,
    entry: protNone(0x1452e),
    status: Walk.Mapped,
    frame: 0x1452e,
    protNone: true,
  },
  {
    name: 'a PROT_NONE page above 4 GiB',
    address: va(3, 5, 7, 9),
    level: 0,
    entry: protNone(0x123456789),
    status: Walk.Mapped,
    frame: 0x123456789,
    protNone: true,
  },
  {
    name: 'a PROT_NONE huge page',
    address: va(3, 5, 7, 9),
    level: 1,
    entry: protNone(0x7c00) | HUGE,
    status: Walk.Mapped,
    ends: 1,
    frame: 0x7c09,
    protNone: true,
  },
  {
    name: 'a huge page that is being split',
    address: va(3, 5, 7, 9),
    level: 1,
    entry: (protNone(0x7c00) & ~PROTNONE) | HUGE,
    status: Walk.Mapped,
    ends: 1,
    frame: 0x7c09,
    protNone: true,
  },
  {
    name: 'a PROT_NONE page of 1 GiB',
    address: va(3, 5, 7, 9),
    level: 2,
    entry: protNone(0xc0000) | HUGE,
    status: Walk.Mapped,
    ends: 2,
    frame: 0xc0e09,
    protNone: true,
  },
  { name: 'an empty PTE', address: va(3, 5, 7, 10), level: 0, entry: 0n, status: Walk.Empty },
  { name: 'an empty PTE with the erratum bits', address: va(3, 5, 7, 10), level: 0, entry: 0x60n, status: Walk.Empty },
  { name: 'an empty PMD', address: va(3, 5, 7, 10), level: 1, entry: 0n, status: Walk.Empty, ends: 1 },
  { name: 'an empty PUD', address: va(3, 5, 7, 10), level: 2, entry: 0n, status: Walk.Empty, ends: 2 },
  { name: 'an empty top entry', address: va(3, 5, 7, 10), level: 3, entry: 0n, status: Walk.Empty, ends: 3 },
  { name: 'a swap entry', address: va(3, 5, 7, 9), level: 0, entry: swapEntry(1, 77n), status: Walk.Special },
  {
    name: 'a migration entry of a huge page',
    address: va(3, 5, 7, 9),
    level: 1,
    entry: swapEntry(28, 0x7c00n),
    status: Walk.Special,
    ends: 1,
  },
  {
    name: 'PROT_NONE without PSE in a PMD',
    address: va(3, 5, 7, 9),
    level: 1,
    entry: protNone(0x7c00),
    status: Walk.Bad,
    ends: 1,
  },
  ...[13n, 20n].map((bit) => ({
    name: `a 2 MiB leaf with the reserved bit ${bit}`,
    address: va(3, 5, 7, 9),
    level: 1,
    entry: at(0x7c00) | TABLE | HUGE | (1n << bit),
    status: Walk.Bad,
  })),
  ...[13n, 29n].map((bit) => ({
    name: `a 1 GiB leaf with the reserved bit ${bit}`,
    address: va(3, 5, 7, 9),
    level: 2,
    entry: at(0xc0000) | TABLE | HUGE | (1n << bit),
    status: Walk.Bad,
  })),
  {
    name: 'a leaf in a P4D or PGD',
    address: va(3, 5, 7, 9),
    level: 3,
    entry: at(0x77) | TABLE | HUGE,
    status: Walk.Bad,
    ends: 3,
  },
  {
    name: 'a top entry not present and not empty',
    address: va(3, 5, 7, 9),
    level: 3,
    entry: at(0x77) | 0x10n,
    status: Walk.Bad,
    ends: 3,
  },
  {
    name: 'a table that the dump leaves out',
    address: va(3, 5, 7, 9),
    level: 1,
    entry: at(0x99) | TABLE,
    status: Walk.TableMissing,
    ends: 0,
    frame: 0x99,
  },
  {
    name: 'a top-level table that is not in the dump',
    address: va(3, 5, 7, 9),
    level: 3,
    entry: at(0x99) | TABLE,
    status: Walk.TableMissing,
    ends: 2,
    frame: 0x99,
  },
];

describe.each([4, 5] as const)('%i levels', (levels) => {
  describe.each([
    ['without encryption', 0n],
    ['with an encryption bit', 1n << 47n],
  ])('%s', (_name, sme) => {
    test.each(cases)('$name', ({ address, level, entry, status, ends = level, frame, protNone: none = false }) => {
      const memory = new PhysicalMemory(0x100000);
      memory.gaps.set(0x99, GAP);
      const tables = new PageTables(memory, levels, sme);
      // The encryption bit is a protection bit: it is not inverted with the frame, and swap entries do not have it.
      tables.set(address, level, (entry & (PRESENT | PROTNONE)) !== 0n ? entry | sme : entry);
      const walker = new PageWalker(memory, x86Form(levels, sme));
      expect(walker.walk(tables.root, vpnOf(address))).toBe(status);
      expect(walker.level).toBe(ends);
      if (frame !== undefined) expect(walker.frame).toBe(Number(BigInt(frame) & ~(sme >> 12n)));
      if (status === Walk.Mapped) expect(walker.protNone).toBe(none);
      if (status !== Walk.TableMissing)
        expect(walker.entryAddress(level, vpnOf(address))).toBe(Number(tables.entry(address, level)));
    });
  });
});
