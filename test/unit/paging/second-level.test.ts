// SPDX-License-Identifier: Apache-2.0
// The tables that KVM fills for the processor: entries of each kind by arch/x86/kvm/mmu/spte.h and vmx.h.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pfn } from '../../../src/core/address.js';
import type { FrameSource } from '../../../src/core/memory.js';
import {
  EPT,
  isLost,
  type Leaf,
  type LostTable,
  npt,
  SecondLevel,
  type SecondLevelForm,
} from '../../../src/paging/second-level.js';
import { PhysicalMemory } from '../../build/memory.js';

const ALL = 0xfffff;
const NPT = npt(ALL);

/** An entry at each of these places: the indices from the top table down. */
function tablesWith(levels: number, entries: Readonly<Record<string, bigint>>): PhysicalMemory {
  const memory = new PhysicalMemory(0x11);
  memory.allocate();
  memory.frames.set(0x10, new Uint8Array(4096));
  for (const [place, value] of Object.entries(entries)) {
    const indices = place.split('.').map(Number);
    let table = 0x10n;
    for (const [i, index] of indices.entries()) {
      const at = table * 4096n + BigInt(index * 8);
      if (i === indices.length - 1) {
        memory.writeU64(at, value);
        break;
      }
      if (memory.readU64(at) === 0n) memory.writeU64(at, (BigInt(memory.allocate()) << 12n) | 7n);
      table = (memory.readU64(at) >> 12n) & 0xffffffffn;
    }
    expect(indices.length).toBeLessThanOrEqual(levels);
  }
  return memory;
}

const all = (memory: PhysicalMemory, form: SecondLevelForm, levels = 4, addressHigh = ALL): (Leaf | LostTable)[] => [
  ...new SecondLevel(memory, form, addressHigh).leaves(pfn(0x10), levels),
];

const PAGE_2M = 2n * 2n ** 18n + 3n * 512n;
const leaf = (frame: number, level: 1 | 2) => ({
  page: Number(PAGE_2M) + (level === 1 ? 5 : 0),
  pages: level === 1 ? 1 : 512,
  frame: pfn(frame),
  level,
});

describe('entries', () => {
  const cases: [string, SecondLevelForm, string, bigint, Leaf | null][] = [
    ['4 KiB, writable', NPT, '0.2.3.5', 0x8600_0000_1234_5d67n, leaf(0x12345, 1)],
    ['4 KiB, read-only', NPT, '0.2.3.5', 0x8000_0000_1234_5d25n, leaf(0x12345, 1)],
    ['2 MiB', NPT, '0.2.3', 0x8600_0012_3460_0be7n, leaf(0x1234600, 2)],
    ['MMIO: present, with bit 51', NPT, '0.2.3.5', 0x0008_0000_fee0_0007n, null],
    ['MMIO with a generation', NPT, '0.2.3.5', 0x7ff8_0000_fee0_0ff7n, null],
    // FROZEN_SPTE (before 6.9 REMOVED_SPTE), 5.12 and later; before, bit 59.
    ['frozen', NPT, '0.2.3.5', 0x8000_0000_0000_05a0n, null],
    ['frozen, 5.12', NPT, '0.2.3.5', 0x5a0n, null],
    ['frozen, 5.10', NPT, '0.2.3.5', 1n << 59n, null],
    ['empty in 6.9 and later: only the bit that suppresses #VE', NPT, '0.2.3.5', 1n << 63n, null],
    ['access tracking without rights', NPT, '0.2.3.5', 0x0038_0000_1234_5800n, null],
    ['4 KiB, all rights', EPT, '0.2.3.5', 0x0600_0000_1234_5d77n, leaf(0x12345, 1)],
    ['4 KiB, read-only', EPT, '0.2.3.5', 0x0600_0000_1234_5d31n, leaf(0x12345, 1)],
    ['4 KiB, only executable', EPT, '0.2.3.5', 0x0600_0000_1234_5d34n, leaf(0x12345, 1)],
    ['2 MiB', EPT, '0.2.3', 0x0600_0012_3460_0bf7n, leaf(0x1234600, 2)],
    ['MMIO: writable and executable, but not readable', EPT, '0.2.3.5', 0x0000_0000_fee0_0006n, null],
    ['MMIO with a generation', EPT, '0.2.3.5', 0x7ff0_0000_fee0_0ffen, null],
    ['frozen', EPT, '0.2.3.5', 0x8000_0000_0000_05a0n, null],
    ['a page that is not accessed (access tracking)', EPT, '0.2.3.5', 0x0038_0000_1234_5800n, null],
  ];
  test.each(cases)('%s (%#)', (_, form, place, value, expected) => {
    const memory = tablesWith(4, { [place]: value });
    expect(all(memory, form)).toEqual(expected === null ? [] : [expected]);
    const tables = new SecondLevel(memory, form, ALL);
    expect(tables.find(pfn(0x10), 4, Number(PAGE_2M) + 5)).toEqual(expected);
  });

  test('1 GiB; and bit 7 in a table of level 4 or 5 does not make a leaf', () => {
    expect(all(tablesWith(4, { '1.2': 0xc000_00b7n }), EPT)).toEqual([
      { page: 2 ** 27 + 2 * 2 ** 18, pages: 2 ** 18, frame: 0xc0000, level: 3 },
    ]);
    expect(all(tablesWith(4, { '1': 0xc000_00b7n }), EPT)).toEqual([
      { page: 2 ** 27, level: 3, frame: 0xc0000, isLoop: false },
    ]);
    expect(all(tablesWith(5, { '1.1': 0xc000_00b7n }), EPT, 5)).toEqual([
      { page: 2 ** 36 + 2 ** 27, level: 3, frame: 0xc0000, isLoop: false },
    ]);
  });

  test('the memory encryption bit is no part of the address', () => {
    const memory = tablesWith(4, { '0.2.3.5': (1n << 47n) | 0x1234_5d67n });
    expect(all(memory, NPT, 4, 0xfffff & ~0x8000)).toEqual([leaf(0x12345, 1)]);
  });

  // svm_adjust_mmio_mask(): all bits from the first above the physical address up to bit 51.
  test.each<[string, bigint, Leaf | null]>([
    ['an encrypted page', (1n << 51n) | 0x1234_5d67n, leaf(0x12345, 1)],
    ['MMIO', (0x1fn << 47n) | 0xfee0_0007n, null],
  ])('the memory encryption bit is bit 51, the mark of MMIO without it: %s', (_, value, expected) => {
    const addressHigh = 0xfffff & ~0x80000;
    const memory = tablesWith(4, { '0.2.3.5': value });
    const form = npt(addressHigh);
    expect(all(memory, form, 4, addressHigh)).toEqual(expected === null ? [] : [expected]);
    expect(new SecondLevel(memory, form, addressHigh).find(pfn(0x10), 4, Number(PAGE_2M) + 5)).toEqual(expected);
  });
});

test.each([1, 2, 3, 4, 5])('%i levels: the last page, and none after it', (levels) => {
  const place = Array.from({ length: levels }, () => 511).join('.');
  const memory = tablesWith(levels, { [place]: 0x7777_7007n });
  const last = { page: 512 ** levels - 1, pages: 1, frame: 0x77777, level: 1 };
  const tables = new SecondLevel(memory, NPT, ALL);
  expect([...tables.leaves(pfn(0x10), levels)]).toEqual([last]);
  expect(tables.find(pfn(0x10), levels, 512 ** levels - 1)).toEqual(last);
  // The tables do not translate these; the indices of the last one are those of the page above.
  expect(tables.find(pfn(0x10), levels, 512 ** levels)).toBeNull();
  expect(tables.find(pfn(0x10), levels, 2 * 512 ** levels - 1)).toBeNull();
});

test('a table that is missing, and one that is reached twice, are reported with what they translate', () => {
  const memory = tablesWith(4, { '0.0.0.0': 0x5555_5007n, '0.0.7': 0x9999_9007n, '0.3': (0x10n << 12n) | 7n });
  const lost = all(memory, NPT).filter(isLost);
  expect(lost).toEqual([
    { page: 7 * 512, level: 1, frame: 0x99999, isLoop: false },
    { page: 3 * 2 ** 18, level: 2, frame: 0x10, isLoop: true },
  ]);
  expect(new SecondLevel(memory, NPT, ALL).find(pfn(0x10), 4, 7 * 512 + 3)).toEqual(lost[0]);
});

test('the root is missing', () => {
  expect(all(new PhysicalMemory(), NPT)).toEqual([{ page: 0, level: 4, frame: 0x10, isLoop: false }]);
});

test('tables in which every entry leads to every table are read once each', () => {
  const memory = new PhysicalMemory();
  for (let frame = 0x10; frame < 0x18; frame++)
    for (let i = 0; i < 512; i++) memory.writeU64(BigInt(frame * 4096 + i * 8), (BigInt(0x10 + (i % 8)) << 12n) | 7n);
  let reads = 0;
  const counted: FrameSource = {
    why: (frame) => memory.why(frame),
    frame(frame) {
      reads++;
      return memory.frame(frame);
    },
  };
  const found = [...new SecondLevel(counted, NPT, ALL).leaves(pfn(0x10), 5)];
  expect(reads).toBe(8);
  expect(found.length).toBeLessThan(8 * 512);
});

test('for each page, the leaf that is found is the one in the list', () => {
  const TABLES = 5;
  const entry = fc.oneof(
    {
      arbitrary: fc
        .tuple(fc.bigInt(1n, BigInt(TABLES + 1)), fc.constantFrom(7n, 5n, 1n))
        .map(([to, bits]) => ((0x10n + to) << 12n) | bits),
      weight: 5,
    },
    {
      arbitrary: fc
        .tuple(fc.bigInt(0n, 2n ** 40n - 1n), fc.constantFrom(7n, 0x87n, 6n, 0n, 0x5a0n, 4n))
        .map(([to, bits]) => (to << 12n) | bits),
      weight: 3,
    },
  );
  const spot = fc.constantFrom(0, 1, 2, 255, 510, 511);
  const contents = fc.array(fc.array(fc.tuple(spot, entry), { minLength: 2, maxLength: 6 }), {
    minLength: TABLES,
    maxLength: TABLES,
  });
  let [leaves, absent] = [0, 0];
  fc.assert(
    fc.property(
      fc.constantFrom(NPT, EPT),
      fc.integer({ min: 1, max: 5 }),
      contents,
      fc.array(fc.array(spot, { minLength: 5, maxLength: 5 }), { minLength: 30, maxLength: 30 }),
      (form, levels, lists, asked) => {
        const memory = new PhysicalMemory();
        for (const [i, list] of lists.entries()) {
          memory.frames.set(0x10 + i, new Uint8Array(4096));
          for (const [index, value] of list) memory.writeU64(BigInt((0x10 + i) * 4096 + index * 8), value);
        }
        const tables = new SecondLevel(memory, form, ALL);
        const list = [...tables.leaves(pfn(0x10), levels)];
        const spans = list.map((each) => ({ each, end: each.page + (isLost(each) ? 512 ** each.level : each.pages) }));
        for (const [i, { each }] of spans.entries()) expect(each.page).toBeGreaterThanOrEqual(spans[i - 1]?.end ?? 0);
        for (const spots of asked) {
          const page = spots.slice(0, levels).reduce<number>((sum, index) => sum * 512 + index, 0);
          const found = tables.find(pfn(0x10), levels, page);
          const listed = spans.find(({ each, end }) => page >= each.page && page < end)?.each ?? null;
          // `find` follows a table that another page leads to as well; the list reads it once.
          if (listed !== null && isLost(listed) && listed.isLoop) continue;
          if (found === null) absent++;
          else leaves++;
          expect(found).toEqual(listed);
        }
      },
    ),
    { numRuns: 300 },
  );
  expect(Math.min(leaves, absent)).toBeGreaterThan(100);
});
