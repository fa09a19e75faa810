// SPDX-License-Identifier: Apache-2.0
// Walks through random page tables of a guest, compared with a second walk in BigInts.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pfn } from '../../../src/core/address.js';
import { PAGING_MODES, type Paging } from '../../../src/paging/architecture.js';
import { GuestWalker } from '../../../src/paging/guest-walker.js';
import { PhysicalMemory } from '../../build/memory.js';

/** A walk in BigInts: shifts of each mode, entries of 4 or 8 bytes, and the bits that are reserved in a leaf. */
function plainWalk(memory: PhysicalMemory, { mode, root, hasLargePages }: Paging, address: bigint): readonly unknown[] {
  const shifts = {
    none: [],
    '32-bit': [22n, 12n],
    pae: [30n, 21n, 12n],
    '4-level': [39n, 30n, 21n, 12n],
    '5-level': [48n, 39n, 30n, 21n, 12n],
  }[mode];
  const bits = { none: 32n, '32-bit': 32n, pae: 32n, '4-level': 48n, '5-level': 57n }[mode];
  const isLong = bits > 32n;
  if (isLong ? BigInt.asUintN(64, BigInt.asIntN(Number(bits), address)) !== address : address >> 32n !== 0n)
    return ['noncanonical'];
  let table = BigInt(root);
  for (const [i, shift] of shifts.entries()) {
    if (memory.frame(pfn(Number(table >> 12n))) === null) return ['table-missing', table >> 12n];
    const width = mode === '32-bit' ? 4n : 8n;
    const size = mode === 'pae' && i === 0 ? 4n : 4096n / width;
    const entryOf = (index: bigint): bigint => {
      const place = table + index * width;
      const word = memory.readU64(place & ~7n);
      if (width === 8n) return word;
      return place % 8n === 4n ? word >> 32n : word & 0xffffffffn;
    };
    const entry = entryOf((address >> shift) % size);
    if ((entry & 1n) === 0n) {
      const isUsed = Array.from({ length: Number(size) }, (_, index) => entryOf(BigInt(index)) & 1n).includes(1n);
      return [i === 0 && !isUsed ? 'table-empty' : 'not-present', shift];
    }
    const isBig = (entry & 0x80n) !== 0n && shift !== 12n && (shift !== 22n || hasLargePages);
    if (isBig && (shift > 30n || (mode === 'pae' && shift === 30n))) return ['reserved', shift];
    if (isBig && shift === 22n) {
      if ((entry & 0x200000n) !== 0n) return ['reserved', shift];
      return [((entry & 0xffc00000n) | (((entry >> 13n) & 0xffn) << 32n) | (address & 0x3fffffn)) >> 12n];
    }
    if (isBig || shift === 12n) {
      const inside = (1n << shift) - 1n;
      if ((entry & inside & ~0x1fffn) !== 0n && shift > 12n) return ['reserved', shift];
      return [((entry & 0xf_ffff_ffff_f000n & ~inside) | (address & inside)) >> 12n];
    }
    table = entry & (mode === '32-bit' ? 0xfffff000n : 0xf_ffff_ffff_f000n);
  }
  return [address >> 12n];
}

const SHIFT_OF: Readonly<Record<string, bigint>> = { PML5: 48n, PML4: 39n, PDPT: 30n, PD: 21n, PT: 12n };

test('random tables, in every mode, equal a walk in BigInts', () => {
  const TABLES = 6;
  const flags = fc.constantFrom(1n, 7n, 0x81n, 0x87n, 0xe7n, 0n, 6n, 0x80n);
  const entry = fc.oneof(
    {
      arbitrary: fc.tuple(fc.bigInt(0n, BigInt(TABLES + 1)), flags).map(([to, bits]) => (to << 12n) | bits),
      weight: 6,
    },
    { arbitrary: fc.tuple(fc.bigInt(0n, 15n), flags).map(([to, bits]) => (to << 30n) | bits), weight: 3 },
    { arbitrary: fc.bigInt(0n, 2n ** 64n - 1n), weight: 2 },
  );
  const spot = fc.constantFrom(0, 1, 2, 3, 255, 256, 510, 511, 1023);
  const tables = fc.array(fc.array(fc.tuple(spot, entry), { minLength: 3, maxLength: 9 }), {
    minLength: TABLES,
    maxLength: TABLES,
  });
  const addresses = fc.array(
    fc
      .tuple(fc.array(spot, { minLength: 5, maxLength: 5 }), fc.constantFrom(0n, 0xffffn << 48n, 0xfe00n << 48n))
      .map(([spots, top]) =>
        BigInt.asUintN(64, top | (spots.reduce((sum, each) => sum * 512n + BigInt(each), 0n) << 12n)),
      ),
    { minLength: 20, maxLength: 20 },
  );
  const ends = new Map<unknown, number>();
  fc.assert(
    fc.property(
      fc.constantFrom(...PAGING_MODES),
      fc.boolean(),
      tables,
      addresses,
      (mode, hasLargePages, contents, asked) => {
        const memory = new PhysicalMemory();
        for (const [i, list] of contents.entries()) {
          memory.frames.set(i, new Uint8Array(4096));
          for (const [index, value] of list)
            if (mode === '32-bit')
              memory.write(
                BigInt(i * 4096 + index * 4),
                Buffer.from(
                  [value & 255n, (value >> 8n) & 255n, (value >> 16n) & 255n, (value >> 24n) & 255n].map(Number),
                ),
              );
            else memory.writeU64(BigInt(i * 4096 + (index % 512) * 8), value);
        }
        const paging = { mode, root: mode === 'pae' ? 0x17e0 : 0, hasLargePages };
        const walker = new GuestWalker(memory, paging);
        for (const wide of asked) {
          const address = mode === '4-level' || mode === '5-level' ? wide : wide % 2n ** 33n;
          const { fault, frame, table } = walker.walk(Number(address >> 12n));
          const at = mode === '32-bit' && table === 'PD' ? 22n : SHIFT_OF[table];
          const result =
            fault === null
              ? [BigInt(frame ?? -1)]
              : fault === 'noncanonical'
                ? [fault]
                : fault === 'table-missing'
                  ? [fault, BigInt(frame ?? -1)]
                  : [fault, at];
          ends.set(fault, (ends.get(fault) ?? 0) + 1);
          expect(result).toEqual(plainWalk(memory, paging, address));
        }
      },
    ),
    { numRuns: 400 },
  );
  // Each way to end was tried.
  expect([...ends.keys()].sort()).toEqual(
    [null, 'noncanonical', 'not-present', 'reserved', 'table-missing', 'table-empty'].sort(),
  );
});
