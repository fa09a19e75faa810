// SPDX-License-Identifier: Apache-2.0
// The pages around a page of which the same is known: in one mapping, in none, or behind damage of the tree.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Vpn } from '../../../src/core/address.js';
import { readMm } from '../../../src/kernel/mm.js';
import { Mappings } from '../../../src/spaces/mappings.js';
import { NOWHERE } from '../../build/containers.js';
import { SyntheticHost } from '../../build/host.js';
import { type EraOfMappings, eras } from '../../build/mappings.js';

const PAGE = 4096n;
const FIRST = 0x1000;
/** Mappings of two pages, some of them adjacent. */
const list = Array.from({ length: 60 }, (_, i) => {
  const start = BigInt(FIRST + i * 2 + Math.floor(i / 3)) * PAGE;
  return { start, end: start + 2n * PAGE };
});
const END = FIRST + 160;

/** A word that is overwritten: of a mapping, or of the tree's root. */
const damage = fc.tuple(
  fc.nat(list.length),
  fc.oneof(fc.nat(1), fc.nat(31)),
  fc.constantFrom(0n, NOWHERE, 2n ** 64n - 1n, BigInt(FIRST + 30) * PAGE, 7n),
);

function mappingsOf(era: EraOfMappings, damages: readonly (readonly [number, number, bigint])[]): () => Mappings {
  const host = new SyntheticHost({ types: era.types });
  const mm = host.mm().address;
  const addresses = list.map(({ start, end }) => host.make('vm_area_struct', { vm_start: start, vm_end: end }));
  era.plant(host, mm, list, addresses);
  const isMaple = host.has('mm_struct', 'mm_mt') || host.layouts.structs.has('maple_node');
  const root = isMaple
    ? host.pointer(mm + host.offset('mm_struct', 'mm_mt.ma_root')) & ~0xffn
    : host.pointer(mm + host.offset('mm_struct', 'mm_rb.rb_node'));
  for (const [which, word, value] of damages) {
    const [address, words] =
      which === list.length
        ? [root, isMaple ? 32 : 3]
        : [addresses[which] as bigint, host.layouts.size('vm_area_struct') / 8];
    host.u64(address + BigInt((word % words) * 8), value);
  }
  const opened = host.open();
  return () => new Mappings(opened, readMm(opened, mm));
}

describe.each(Object.entries(eras))('in %s', (_, era) => {
  test('each page of a stretch has the same answer when it is asked for alone', () => {
    const seen = { vma: 0, none: 0, damaged: 0 };
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 6, size: 'max' }), (damages) => {
        const fresh = mappingsOf(era, damages);
        const whole = fresh();
        const at = (page: number) => {
          const { vma, why } = fresh().around(page as Vpn);
          // The message can name the address.
          return { start: vma?.start ?? null, why: why?.message.replace(/found for 0x[0-9a-f]+/, '') ?? null };
        };
        let count = 0;
        for (let page = FIRST - 8; page < END; ) {
          const { first, end, vma, why } = whole.around(page as Vpn);
          expect([page, first <= page && page < end]).toEqual([page, true]);
          const own = at(page);
          for (let other = Math.max(first, FIRST - 8); other < Math.min(end, END); other++)
            expect([page, other, at(other)]).toEqual([page, other, own]);
          seen[why !== null ? 'damaged' : vma === null ? 'none' : 'vma']++;
          page = end;
          count++;
        }
        // What is not known is not passed page by page.
        expect(count).toBeLessThan(130);
        const { end, vma, why } = whole.around((END + 100) as Vpn);
        expect(vma === null && (why !== null || end > 2 ** 34)).toBe(true);
        expect(end).toBeGreaterThan(2 ** 34);
      }),
      { numRuns: 25 },
    );
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(5);
  });
});
