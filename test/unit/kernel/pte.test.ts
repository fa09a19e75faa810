// SPDX-License-Identifier: Apache-2.0
// Entries that are not present, in the forms before and after the L1TF fix.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { swapEntry } from '../../../src/kernel/pte.js';

const word = fc.integer({ min: 0, max: 0xffffffff });

test.each([true, false])('the words of an entry can be signed; offsets are never negative (late: %s)', (late) => {
  fc.assert(
    fc.property(word, word, (lo, hi) => {
      const entry = swapEntry(lo, hi, late);
      expect(entry.offset).toBeGreaterThanOrEqual(0);
      expect(entry.type).toBeLessThan(32);
      expect(swapEntry(lo | 0, hi | 0, late)).toEqual(entry);
    }),
  );
});

test.each([
  // Bit 63 set and bit 58 clear: damage, as an entry of the form before the fix with an offset that no area reaches.
  [0xf8000000, true, 0xf8000000 * 0x40000],
  [0xf8000000, false, 0xf8000000 * 0x800000],
  // The form after the fix: the offset is inverted.
  [0x1fffffff, true, 0],
])('upper word %p, late %p', (hi, late, offset) => {
  expect(swapEntry(hi === 0x1fffffff ? -512 : 0, hi, late).offset).toBe(offset);
});
