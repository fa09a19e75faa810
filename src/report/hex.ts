// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE } from '../core/address.js';

/** Texts that are kept; a power of two. */
const KEPT = 1024;

/** Keeps the texts of some numbers: neighbouring records have many numbers in common, and toString takes longer. */
function kept(textOf: (value: number) => string): (value: number) => string {
  const values = new Float64Array(KEPT).fill(NaN);
  const texts = new Array<string>(KEPT).fill('');
  return (value) => {
    // The lowest bits, also of numbers above 2^32.
    const slot = value & (KEPT - 1);
    if (values[slot] === value) return texts[slot] as string;
    const text = textOf(value);
    values[slot] = value;
    texts[slot] = text;
    return text;
  };
}

/** Hexadecimal digits of a number below 2^53. */
export const digitsOf = kept((value) => {
  if (value < 0x80000000) return value.toString(16);
  // In two parts: toString is slow above 2^31.
  const high = Math.floor(value / 0x10000000);
  const low = value - high * 0x10000000;
  return `${digitsOf(high)}${low.toString(16).padStart(7, '0')}`;
});

const eightDigits = kept(
  (value) => `${(value >>> 16).toString(16).padStart(4, '0')}${(value & 0xffff).toString(16).padStart(4, '0')}`,
);

/** Hexadecimal digits of a 64-bit value given as two 32-bit words. */
export const digitsOfWords = (hi: number, lo: number): string =>
  hi === 0 ? digitsOf(lo) : digitsOf(hi) + eightDigits(lo);

/** Three digits of each offset in a page; empty until they are first needed. */
const OFFSETS = new Array<string>(PAGE_SIZE).fill('');

function offsetOf(offset: number): string {
  const known = OFFSETS[offset] as string;
  if (known !== '') return known;
  const text = offset.toString(16).padStart(3, '0');
  OFFSETS[offset] = text;
  return text;
}

/** Hexadecimal digits of an address given as page number (below 2^52) and offset in the page. */
export const digitsOfPage = (page: number, offset: number): string =>
  page === 0 ? offset.toString(16) : digitsOf(page) + offsetOf(offset);
