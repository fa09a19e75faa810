// SPDX-License-Identifier: Apache-2.0
// Input for parsers: what a writer can write, and damaged forms of it.
import fc from 'fast-check';
import { Bytes } from '../../src/core/bytes.js';
import { DumpError } from '../../src/core/errors.js';

export const bytesOf = (bytes: Uint8Array, offset: number | bigint = 0) => Bytes.of(bytes, { source: 'test', offset });

/** The result of `read`; null if it throws a `DumpError`. */
export function orError<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof DumpError) return null;
    throw error;
  }
}

/** Values that are most likely to cause errors in lengths, offsets and counts. */
export const WORDS = [0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff];

/** A function that changes bytes: at places that are fractions of the length, words of 1 to 4 bytes. */
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

/** Names of symbols, some so long that kallsyms needs two bytes for the length (128 and more). */
export const NAME = fc.oneof(
  { arbitrary: fc.stringMatching(/^[a-z_][a-zA-Z0-9_.]{0,30}$/), weight: 19 },
  { arbitrary: fc.stringMatching(/^[a-z_][a-zA-Z0-9_.]{120,240}$/), weight: 1 },
);
