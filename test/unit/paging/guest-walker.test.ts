// SPDX-License-Identifier: Apache-2.0
// Walks through a guest's page tables, by the tables of the Intel SDM (3A, chapter 4) and by a second walk in BigInts.
import { describe, expect, test } from '@jest/globals';
import { isLinear, type Paging, type PagingMode, pagingOf } from '../../../src/paging/architecture.js';
import { type GuestFault, GuestWalker } from '../../../src/paging/guest-walker.js';
import { PhysicalMemory } from '../../build/memory.js';

const PG = 1n << 31n;
const PSE = 1n << 4n;
const PAE = 1n << 5n;
const LA57 = 1n << 12n;
const LME = 1n << 8n;
const LMA = 1n << 10n;

describe('the mode by CR0, CR4 and EFER', () => {
  test.each<[string, bigint, bigint, bigint, Paging]>([
    ['none', 0x11n, PAE | LA57, LME, { mode: 'none', root: 0, hasLargePages: false }],
    ['32-bit', PG, 0n, 0n, { mode: '32-bit', root: 0x4567f000, hasLargePages: false }],
    ['32-bit with PSE', PG, PSE, 0n, { mode: '32-bit', root: 0x4567f000, hasLargePages: true }],
    ['PAE', PG, PAE, 0n, { mode: 'pae', root: 0x4567f7e0, hasLargePages: false }],
    // Not in long mode yet: LME alone does not say that it is active.
    ['PAE with LME', PG, PAE, LME, { mode: 'pae', root: 0x4567f7e0, hasLargePages: false }],
    ['4-level', PG, PAE, LME | LMA, { mode: '4-level', root: 0x1234567f000, hasLargePages: false }],
    ['5-level', PG, PAE | LA57, LMA, { mode: '5-level', root: 0x1234567f000, hasLargePages: false }],
    ['PAE ignores LA57', PG, PAE | LA57, 0n, { mode: 'pae', root: 0x4567f7e0, hasLargePages: false }],
  ])('%s', (_, cr0, cr4, efer, expected) => {
    // PCID or flags in the low bits, LAM and "no flush" in the high ones.
    expect(pagingOf({ cr0, cr4, efer, cr3: 0xe000_0123_4567_f7ffn })).toEqual(expected);
  });
});

const linear = (page: number, mode: PagingMode): boolean => isLinear(mode, page);

test.each<[PagingMode, readonly number[], readonly number[]]>([
  ['none', [0, 0xfffff], [0x100000]],
  ['32-bit', [0, 0xfffff], [0x100000, 2 ** 52 - 1]],
  ['pae', [0, 0xfffff], [0x100000]],
  ['4-level', [0, 2 ** 35 - 1, 2 ** 52 - 2 ** 35, 2 ** 52 - 1], [2 ** 35, 2 ** 52 - 2 ** 35 - 1, 2 ** 52]],
  ['5-level', [0, 2 ** 44 - 1, 2 ** 52 - 2 ** 44, 2 ** 52 - 1], [2 ** 44, 2 ** 52 - 2 ** 44 - 1, 2 ** 52]],
])('pages of linear addresses: %s', (mode, inside, outside) => {
  expect(inside.filter((page) => !linear(page, mode))).toEqual([]);
  expect(outside.filter((page) => linear(page, mode))).toEqual([]);
});

/** Memory with 32-bit or 64-bit entries: `FRAME[INDEX]` or, for the table at an offset in its page, `FRAME+OFFSET[INDEX]`. */
function memoryWith(bytes: 4 | 8, entries: Readonly<Record<string, bigint>>): PhysicalMemory {
  const memory = new PhysicalMemory();
  for (const [place, value] of Object.entries(entries)) {
    const [, frame = '', offset = '0', index = ''] = /^(\w+)(?:\+(\w+))?\[(\d+)\]$/.exec(place) ?? [];
    const at = BigInt(`0x${frame}`) * 4096n + BigInt(`0x${offset}`) + BigInt(index) * BigInt(bytes);
    const word = Buffer.alloc(8);
    word.writeBigUInt64LE(value);
    memory.write(at, word.subarray(0, bytes));
  }
  return memory;
}

interface Case {
  readonly paging: Paging;
  readonly entries: Readonly<Record<string, bigint>>;
  /** Linear address. */
  readonly at: bigint;
  /** Physical address, or how the walk ends: fault, table, number of pages, and the frame of a missing table. */
  readonly is: bigint | readonly [GuestFault, string, number, (number | null)?];
  /** The physical addresses of the entries that were read. */
  readonly read: readonly number[];
}

const bits32 = (hasLargePages: boolean): Paging => ({ mode: '32-bit', root: 0x1000, hasLargePages });
const pae = (root: number): Paging => ({ mode: 'pae', root, hasLargePages: false });
const long = (mode: '4-level' | '5-level'): Paging => ({ mode, root: 0x1000, hasLargePages: false });
const IN_2_3_4_5 = (2n << 39n) | (3n << 30n) | (4n << 21n) | (5n << 12n) | 0x678n;
const TO_2_3_4 = { '1[2]': 0x2007n, '2[3]': 0x3007n, '3[4]': 0x4007n } as const;

describe('walks', () => {
  test.each<[string, Case]>([
    [
      'none: the linear address is the physical one',
      {
        paging: { mode: 'none', root: 0, hasLargePages: false },
        entries: {},
        at: 0xfffff123n,
        is: 0xfffff123n,
        read: [],
      },
    ],
    [
      '32-bit, 4 KiB',
      {
        paging: bits32(false),
        entries: { '1[5]': 0x2067n, '2[6]': 0xabcde067n },
        at: 0x1406123n,
        is: 0xabcde123n,
        read: [0x1014, 0x2018],
      },
    ],
    [
      '32-bit, 4 MiB',
      { paging: bits32(true), entries: { '1[5]': 0x12c000e7n }, at: 0x15a7123n, is: 0x12da7123n, read: [0x1014] },
    ],
    [
      '32-bit, 4 MiB above 4 GiB (PSE-36): bits 13 to 20 are bits 32 to 39; PAT is bit 12',
      { paging: bits32(true), entries: { '1[5]': 0x12df_f0e7n }, at: 0x15a7123n, is: 0xff_12da_7123n, read: [0x1014] },
    ],
    [
      '32-bit, 4 MiB, with the reserved bit 21',
      {
        paging: bits32(true),
        entries: { '1[5]': 0x12e000e7n },
        at: 0x15a7123n,
        is: ['reserved', 'PD', 1024],
        read: [0x1014],
      },
    ],
    [
      '32-bit, PS is ignored without CR4.PSE',
      {
        paging: bits32(false),
        entries: { '1[5]': 0x20e7n, '2[423]': 0x77777005n },
        at: 0x15a7123n,
        is: 0x77777123n,
        read: [0x1014, 0x269c],
      },
    ],
    [
      '32-bit, the last entries',
      {
        paging: bits32(false),
        entries: { '1[1023]': 0xfffff001n, 'fffff[1023]': 0x1n },
        at: 0xffffffffn,
        is: 0xfffn,
        read: [0x1ffc, 0xfffffffc],
      },
    ],
    [
      '32-bit, not present',
      {
        paging: bits32(true),
        entries: { '1[5]': 0xfffffffen, '1[6]': 0x2067n },
        at: 0x1400000n,
        is: ['not-present', 'PD', 1024],
        read: [0x1014],
      },
    ],
    [
      'a top table without a present entry',
      {
        paging: bits32(true),
        entries: { '1[5]': 0xfffffffen, '1[6]': 0x2066n },
        at: 0x1400000n,
        is: ['table-empty', 'PD', 1024, 1],
        read: [0x1014],
      },
    ],
    [
      'PAE, a top table without a present entry, in a page with others',
      {
        paging: pae(0x1020),
        entries: { '1+20[1]': 0x2000n, '1+40[0]': 0x2001n, '1+0[3]': 0x2001n },
        at: 0x40000000n,
        is: ['table-empty', 'PDPT', 2 ** 18, 1],
        read: [0x1028],
      },
    ],
    [
      '32-bit, above 4 GiB',
      { paging: bits32(true), entries: { '1[0]': 0xe7n }, at: 0x100000000n, is: ['noncanonical', '', 1], read: [] },
    ],
    [
      'PAE, 4 KiB, root at a multiple of 32 bytes',
      {
        paging: pae(0x1fe0),
        entries: { '1+fe0[3]': 0x2001n, '2[511]': 0x3067n, '3[0]': 0x8000_00ab_cdef_0067n },
        at: 0xffe00123n,
        is: 0xab_cdef_0123n,
        read: [0x1ff8, 0x2ff8, 0x3000],
      },
    ],
    [
      'PAE, 2 MiB, whatever CR4.PSE says',
      {
        paging: pae(0x1020),
        entries: { '1+20[1]': 0x2001n, '2[2]': 0x1_2340_00e7n },
        at: 0x405ff123n,
        is: 0x1_235f_f123n,
        read: [0x1028, 0x2010],
      },
    ],
    [
      'PAE, bit 7 is reserved in a PDPTE',
      {
        paging: pae(0x1020),
        entries: { '1+20[1]': 0x2081n },
        at: 0x40000000n,
        is: ['reserved', 'PDPT', 2 ** 18],
        read: [0x1028],
      },
    ],
    [
      '4-level, 4 KiB',
      {
        paging: long('4-level'),
        entries: { ...TO_2_3_4, '4[5]': 0x800f_ffff_ffff_f067n },
        at: IN_2_3_4_5,
        is: 0xf_ffff_ffff_f678n,
        read: [0x1010, 0x2018, 0x3020, 0x4028],
      },
    ],
    [
      '4-level, 2 MiB',
      {
        paging: long('4-level'),
        entries: { '1[2]': 0x2007n, '2[3]': 0x3007n, '3[4]': 0x1_2340_10e7n },
        at: IN_2_3_4_5,
        is: 0x1_2340_5678n,
        read: [0x1010, 0x2018, 0x3020],
      },
    ],
    [
      '4-level, 2 MiB, with a reserved bit',
      {
        paging: long('4-level'),
        entries: { '1[2]': 0x2007n, '2[3]': 0x3007n, '3[4]': 0x1_2350_00e7n },
        at: IN_2_3_4_5,
        is: ['reserved', 'PD', 512],
        read: [0x1010, 0x2018, 0x3020],
      },
    ],
    [
      '4-level, 1 GiB',
      {
        paging: long('4-level'),
        entries: { '1[2]': 0x2007n, '2[3]': 0x12_4000_00e7n },
        at: IN_2_3_4_5,
        is: 0x12_4080_5678n,
        read: [0x1010, 0x2018],
      },
    ],
    [
      '4-level, 1 GiB, with a reserved bit',
      {
        paging: long('4-level'),
        entries: { '1[2]': 0x2007n, '2[3]': 0x12_6000_00e7n },
        at: IN_2_3_4_5,
        is: ['reserved', 'PDPT', 2 ** 18],
        read: [0x1010, 0x2018],
      },
    ],
    [
      '4-level, bit 7 is reserved in a PML4E',
      {
        paging: long('4-level'),
        entries: { '1[2]': 0x2087n },
        at: IN_2_3_4_5,
        is: ['reserved', 'PML4', 2 ** 27],
        read: [0x1010],
      },
    ],
    [
      '4-level, bit 7 of a PTE is PAT',
      {
        paging: long('4-level'),
        entries: { ...TO_2_3_4, '4[5]': 0x9087n },
        at: IN_2_3_4_5,
        is: 0x9678n,
        read: [0x1010, 0x2018, 0x3020, 0x4028],
      },
    ],
    [
      '4-level, upper half',
      {
        paging: long('4-level'),
        entries: { '1[511]': 0x2007n, '2[510]': 0x12_4000_00e7n },
        at: 0xffff_ffff_8123_4567n,
        is: 0x12_4123_4567n,
        read: [0x1ff8, 0x2ff0],
      },
    ],
    [
      '4-level, an address that is not canonical',
      {
        paging: long('4-level'),
        entries: { '1[256]': 0x2007n },
        at: 0x8000_0000_0000n,
        is: ['noncanonical', '', 1],
        read: [],
      },
    ],
    [
      '4-level, a table that is missing',
      {
        paging: long('4-level'),
        entries: { '1[2]': 0x2007n, '2[3]': 0x77007n },
        at: IN_2_3_4_5,
        is: ['table-missing', 'PD', 2 ** 18, 0x77],
        read: [0x1010, 0x2018],
      },
    ],
    [
      '4-level, the top table is missing',
      { paging: long('4-level'), entries: {}, at: IN_2_3_4_5, is: ['table-missing', 'PML4', 2 ** 36, 1], read: [] },
    ],
    [
      '4-level, not present: only bit 0 counts',
      {
        paging: long('4-level'),
        entries: { ...TO_2_3_4, '4[5]': 0xffff_ffff_ffff_fffen },
        at: IN_2_3_4_5,
        is: ['not-present', 'PT', 1],
        read: [0x1010, 0x2018, 0x3020, 0x4028],
      },
    ],
    [
      '5-level',
      {
        paging: long('5-level'),
        entries: { '1[255]': 0x2007n, '2[2]': 0x3007n, '3[3]': 0x4007n, '4[4]': 0x5007n, '5[5]': 0x9067n },
        at: (255n << 48n) | IN_2_3_4_5,
        is: 0x9678n,
        read: [0x17f8, 0x2010, 0x3018, 0x4020, 0x5028],
      },
    ],
    [
      '5-level, upper half, 1 GiB',
      {
        paging: long('5-level'),
        entries: { '1[256]': 0x2007n, '2[0]': 0x3007n, '3[0]': 0x12_4000_00e7n },
        at: 0xff00_0000_0000_1234n,
        is: 0x12_4000_1234n,
        read: [0x1800, 0x2000, 0x3000],
      },
    ],
    [
      '5-level, not canonical',
      { paging: long('5-level'), entries: {}, at: 0x100_0000_0000_0000n, is: ['noncanonical', '', 1], read: [] },
    ],
  ])('%s', (_, { paging, entries, at, is, read }) => {
    const memory = memoryWith(paging.mode === '32-bit' ? 4 : 8, entries);
    const { fault, frame, pages, table, steps } = new GuestWalker(memory, paging).walk(Number(at / 4096n));
    if (typeof is === 'bigint') expect([fault, BigInt(frame ?? -1) * 4096n + (at % 4096n)]).toEqual([null, is]);
    else expect([fault, table, pages, frame]).toEqual([...is.slice(0, 3), is[3] ?? null]);
    expect(steps.map(({ address }) => address)).toEqual(read);
    for (const step of steps) {
      const width = paging.mode === '32-bit' ? 4 : 8;
      const page = memory.frames.get(Math.floor(step.address / 4096)) as Uint8Array;
      const word = Buffer.alloc(8);
      word.set(page.subarray(step.address % 4096, (step.address % 4096) + width));
      expect((BigInt(step.hi) << 32n) | BigInt(step.lo)).toBe(word.readBigUInt64LE());
    }
  });
});
