// SPDX-License-Identifier: Apache-2.0
// Entries of kallsyms_names: a length, and as many token numbers.
import type { Readable } from '../core/lazy-bytes.js';

/** Entries of kallsyms_names. */
export interface Entries {
  /** Offset of the first. */
  readonly start: number;
  /** Where each begins, relative to the first, and where the last one ends. */
  readonly places: Uint32Array;
}

/**
 * Where the entries between two markers begin, and where the last one ends; null unless they fill the space exactly. Since Linux commit
 * 73bbb94466fd ("kallsyms: support "big" kernel symbols") (in v6.1) a length of 128 or more takes two bytes, low seven bits first (`wide`);
 * before, one byte.
 */
export function entriesOf(region: Readable, start: number, end: number, count: number, wide: boolean): Entries | null {
  const { buffer, byteOffset } = region.window(start, end - start);
  const bytes = new Uint8Array(buffer, byteOffset, end - start);
  const places = new Uint32Array(count + 1);
  // Lengths below it take one byte.
  const long = wide ? 0x80 : 0x100;
  for (let i = shortEntries(bytes, places, 0, long); i < count; i = shortEntries(bytes, places, i + 1, long)) {
    const at = places[i] as number;
    const length = longLength(bytes, at);
    if (length === 0 || (bytes[at] as number) < long) return null;
    places[i + 1] = at + length + 2;
  }
  return places[count] === bytes.length ? { start, places } : null;
}

/**
 * Fills in where the entries after entry `first` begin. Returns the number of the first one whose length takes two bytes or is 0; the number
 * of entries if there is none. A first run reads some twenty thousand lengths: a function as short as this is compiled by V8 in a moment.
 */
function shortEntries(bytes: Uint8Array, places: Uint32Array, first: number, long: number): number {
  const count = places.length - 1;
  let at = places[first] as number;
  for (let i = first; i < count; places[++i] = at) {
    // After the end it is undefined: then no place fits.
    const length = bytes[at] as number;
    if (length === 0 || length >= long) return i;
    at += length + 1;
  }
  return count;
}

/** The length that two bytes have; 0 if they are not there. */
const longLength = (bytes: Uint8Array, at: number): number =>
  at + 1 < bytes.length ? ((bytes[at] as number) & 0x7f) | ((bytes[at + 1] as number) << 7) : 0;

/** Bytes of the length of an entry. */
export const lengthSize = (view: DataView, entry: number, end: number): 1 | 2 =>
  entry + 1 + view.getUint8(entry) === end ? 1 : 2;
