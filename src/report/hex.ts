// SPDX-License-Identifier: Apache-2.0

/** Hexadecimal digits of a number below 2^53. Above 2^31 this is faster than toString. */
export function digitsOf(value: number): string {
  if (value < 0x80000000) return value.toString(16);
  const high = Math.floor(value / 0x10000000);
  const low = value - high * 0x10000000;
  return `${digitsOf(high)}${low.toString(16).padStart(7, '0')}`;
}

/** Hexadecimal digits of a 64-bit value given as two 32-bit words. */
export const digitsOfWords = (hi: number, lo: number): string =>
  hi === 0
    ? digitsOf(lo)
    : `${digitsOf(hi)}${(lo >>> 16).toString(16).padStart(4, '0')}${(lo & 0xffff).toString(16).padStart(4, '0')}`;

/** Hexadecimal digits of an address given as page number (below 2^52) and offset in the page. */
export const digitsOfPage = (page: number, offset: number): string =>
  page === 0 ? offset.toString(16) : `${digitsOf(page)}${offset.toString(16).padStart(3, '0')}`;
