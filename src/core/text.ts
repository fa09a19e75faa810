// SPDX-License-Identifier: Apache-2.0
import { escaped } from './one-line.js';

/** An address as it was given in a question. */
export interface AskedAddress {
  /** Hexadecimal digits, lower case, without leading zeros. */
  readonly digits: string;
  /** Frame number; null from 2^52 on, which is above the physical address space. */
  readonly frame: number | null;
  /** Byte inside the frame. */
  readonly offset: number;
}

/** Digits of the frame number of an address below 2^52. */
const FRAME_DIGITS = 10;
/** Digits of the offset in a frame. */
const OFFSET_DIGITS = 3;

/** Parses a hexadecimal address, with or without 0x, as crash does; null for anything else. */
export function parseAddress(text: string): AskedAddress | null {
  const { length } = text;
  let first = text.startsWith('0x') || text.startsWith('0X') ? 2 : 0;
  if (first === length) return null;
  while (first < length - 1 && text[first] === '0') first++;
  let [frame, offset] = [0, 0];
  for (let i = first; i < length; i++) {
    const digit = digitOf(text.charCodeAt(i));
    if (digit < 0) return null;
    if (i < length - OFFSET_DIGITS) frame = frame * 16 + digit;
    else offset = offset * 16 + digit;
  }
  const isBeyond = length - first > FRAME_DIGITS + OFFSET_DIGITS;
  return { digits: text.slice(first).toLowerCase(), frame: isBeyond ? null : frame, offset };
}

/** The value of a hexadecimal digit by its code; -1 for any other character. */
function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  // Bit 5 is that of lower case.
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** Bytes from `first` to `last`. */
export interface AskedRange {
  readonly first: bigint;
  readonly last: bigint;
}

/**
 * Parses `A-B`, with both ends included, `A+SIZE`, or an address, all hexadecimal with or without 0x; null for anything else,
 * for a size of 0 and for an end before the start.
 */
export function parseRange(text: string): AskedRange | null {
  const [, start = '', sign, other = ''] = /^([^-+]+)(?:([-+])([^-+]+))?$/.exec(text) ?? [];
  const [first, second] = [parseAddress(start), parseAddress(sign === undefined ? start : other)];
  if (first === null || second === null) return null;
  const [a, b] = [BigInt(`0x${first.digits}`), BigInt(`0x${second.digits}`)];
  const last = sign === '+' ? a + b - 1n : b;
  return last < a ? null : { first: a, last };
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Decodes UTF-8 in a text with one character per byte, as names in a dump are. Returns it unchanged if it is not UTF-8. */
export function decoded(text: string): string {
  if (!/[\x80-\xff]/.test(text)) return text;
  try {
    return UTF_8.decode(Uint8Array.from(text, (letter) => letter.charCodeAt(0)));
  } catch {
    return text;
  }
}

/** Makes text from a dump or a file safe to print: cuts it to `longest` characters, escapes all but printable ASCII. */
export function printable(text: string, longest = 80): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return cut.replace(/[^\x20-\x7e\u2026]/g, escaped);
}
