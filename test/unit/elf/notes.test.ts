// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Bytes } from '../../../src/core/bytes.js';
import { parseNotes } from '../../../src/elf/notes.js';
import { bytesOf, damage, orError } from '../../build/damage.js';
import { notes } from '../../build/files.js';

describe('notes', () => {
  const note = fc.record({
    name: fc.stringMatching(/^[A-Za-z]{1,12}$/),
    type: fc.nat(0xffffffff),
    desc: fc.uint8Array({ maxLength: 50 }),
  });
  const list = fc.array(note, { maxLength: 6 });
  const plain = (bytes: Bytes) => parseNotes(bytes).map(({ desc, ...rest }) => ({ ...rest, desc: desc.array() }));

  test('are read as written', () => {
    fc.assert(
      fc.property(list, (own) => {
        expect(plain(bytesOf(notes(own)))).toEqual(own);
      }),
    );
  });

  test('cut anywhere: the complete ones are read', () => {
    fc.assert(
      fc.property(list, fc.nat(500), (own, cut) => {
        const bytes = notes(own).subarray(0, cut);
        const read = plain(bytesOf(bytes));
        expect(read).toEqual(own.slice(0, read.length));
        const whole = own.filter((_, i) => notes(own.slice(0, i + 1)).length <= cut).length;
        expect(read.length).toBeGreaterThanOrEqual(whole);
      }),
    );
  });

  test('damaged: no note extends beyond the data', () => {
    fc.assert(
      fc.property(list, damage, (own, change) => {
        const bytes = change(notes(own));
        const read = orError(() => plain(bytesOf(bytes))) ?? [];
        expect(read.reduce((sum, { desc }) => sum + 12 + desc.length, 0)).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 500 },
    );
  });
});
