// SPDX-License-Identifier: Apache-2.0
// What parsers are given: whatever can be written, and whatever that becomes by damage.
import fc from 'fast-check';
import { Bytes } from '../../src/core/bytes.js';
import { DumpError } from '../../src/core/errors.js';

export const bytesOf = (bytes: Uint8Array, offset: number | bigint = 0) => Bytes.of(bytes, { source: 'test', offset });

/** What `read` returns; null where it ends in an error of this program's own. */
export function orError<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof DumpError) return null;
    throw error;
  }
}

/** Words that lengths, offsets and counts are feared for. */
export const WORDS = [0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff];

/** Changes of bytes: places as parts of the length, and what is written there. */
export const damage = fc
  .array(
    fc.record({
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      word: fc.oneof(fc.constantFrom(...WORDS), fc.nat(0xffffffff)),
      width: fc.constantFrom(1, 2, 4),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((changes) => (bytes: Uint8Array, end = bytes.length): Buffer => {
    const out = Buffer.from(bytes);
    for (const { at, word, width } of changes) {
      const place = Math.floor(at * end);
      const value = Buffer.alloc(4);
      value.writeUInt32LE(word);
      value.copy(out, place, 0, Math.min(width, end - place));
    }
    return out;
  });

/** Lengths of 128 and more take two bytes in kallsyms. */
export const NAME = fc.oneof(
  { arbitrary: fc.stringMatching(/^[a-z_][a-zA-Z0-9_.]{0,30}$/), weight: 19 },
  { arbitrary: fc.stringMatching(/^[a-z_][a-zA-Z0-9_.]{120,240}$/), weight: 1 },
);
