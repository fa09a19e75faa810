// SPDX-License-Identifier: Apache-2.0
// Tables that decode Huffman codes. An entry has, from its lowest bit:
//   0-7    bits to drop: those of the code, and the extra bits that follow it
//   8-11   bits of the code; of an entry that leads to a second table, the bits that index it
//   13-15  END, SECOND and SPECIAL
//   16-30  a literal byte, the base of a length or distance, or where the second table begins
//   31     LITERAL
import { COUNTS, SORTED, STARTS } from './layout';

export const LITERAL: u32 = 0x80000000;
/** Neither a literal nor the base of a length or distance: SECOND, END, or else a code that is not valid. */
export const SPECIAL: u32 = 0x8000;
export const SECOND: u32 = 0x4000;
export const END: u32 = 0x2000;
/** A code of one bit, in the bits to drop and the bits of the code. */
const ONE_BIT: u32 = 0x101;

/** The code of `length` bits after `code`, both with their first bit lowest; without meaning after the last one. */
function nextCode(code: u32, length: u32): u32 {
  const bit: u32 = (<u32>1) << (31 - clz<u32>(code ^ (((<u32>1) << length) - 1)));
  return (code & (bit - 1)) | bit;
}

/** The entry for the symbol at `at` in SORTED. */
function entryOf(at: usize, meanings: usize, length: u32): u32 {
  return load<u32>(meanings + ((<usize>load<u16>(SORTED + (at << 1))) << 2)) + length * ONE_BIT;
}

/** Counts and sorts the lengths. Returns how much room there is for more codes of 15 bits; negative if there are too many. */
function sort(lengths: usize, symbols: usize): i32 {
  for (let at = COUNTS; at < COUNTS + 64; at += 8) store<u64>(at, 0);
  for (let i: usize = 0; i < symbols; i++) {
    const count = COUNTS + ((<usize>load<u8>(lengths + i)) << 2);
    store<u32>(count, load<u32>(count) + 1);
  }
  let room: i32 = 1;
  // Symbols without a code (length 0) come first: no branch is needed to leave them out.
  store<u32>(STARTS, 0);
  let start = load<u32>(COUNTS);
  for (let length: usize = 4; length < 64; length += 4) {
    const count = load<u32>(COUNTS + length);
    room = (room << 1) - <i32>count;
    if (room < 0) return room;
    store<u32>(STARTS + length, start);
    start += count;
  }
  for (let i: usize = 0; i < symbols; i++) {
    const length = (<usize>load<u8>(lengths + i)) << 2;
    const at = load<u32>(STARTS + length);
    store<u16>(SORTED + ((<usize>at) << 1), <u16>i);
    store<u32>(STARTS + length, at + 1);
  }
  return room;
}

/** The table of a code with a single symbol, of one bit, or with none. The other bit, or both, are not valid. */
function buildSmall(symbols: u32, used: u32, meanings: usize, table: usize, root: u32): boolean {
  if (used > 1 || load<u32>(COUNTS + 4) !== used) return false;
  const none = SPECIAL + ONE_BIT;
  const first = used === 1 ? entryOf(symbols - 1, meanings, 1) : none;
  const end = table + ((<usize>4) << root);
  for (let at = table; at < end; at += 8) store<u64>(at, ((<u64>none) << 32) | first);
  return true;
}

/** Copies the first half of a table to the second one, and perhaps some bytes too many. For a few bytes memory.copy is slow. */
function double(table: usize, half: usize): void {
  for (let at = table; at < table + half; at += 16) v128.store(at + half, v128.load(at));
}

/**
 * Builds the table of the code with these lengths. Returns false if zlib refuses the code: too many codes, or too few. Only a code of
 * literals or distances may have a single symbol of one bit, or none.
 */
export function build(
  lengths: usize,
  symbols: u32,
  meanings: usize,
  table: usize,
  root: u32,
  maySmall: boolean,
): boolean {
  const room = sort(lengths, symbols);
  if (room < 0) return false;
  const used = symbols - load<u32>(COUNTS);
  if (room > 0) return maySmall && buildSmall(symbols, used, meanings, table, root);
  let code: u32 = 0;
  const first = symbols - used;
  let at = first;
  for (let length: u32 = 1; length <= root; length++) {
    // What shorter codes decode to does not depend on the bits after them.
    if (at > first) double(table, (<usize>2) << length);
    for (let left = load<u32>(COUNTS + ((<usize>length) << 2)); left > 0; left--) {
      store<u32>(table + ((<usize>code) << 2), entryOf(at++, meanings, length));
      code = nextCode(code, length);
    }
  }
  if (at < symbols) buildSecond(code, at, symbols, meanings, table, root);
  return true;
}

/** Bits that index the second table whose first code has `length` bits. The code is complete, so it is full at some length. */
function secondBits(length: u32, left: u32, root: u32): u32 {
  let bits = length - root;
  while (left < (<u32>1) << bits) {
    bits++;
    left = (left << 1) + load<u32>(COUNTS + ((<usize>(root + bits)) << 2));
  }
  return bits;
}

/** Second tables for the codes from `code` on, which are longer than the root. */
function buildSecond(code: u32, at: u32, symbols: u32, meanings: usize, table: usize, root: u32): void {
  const mask = ((<u32>1) << root) - 1;
  let prefix: u32 = ~0;
  let start: u32 = 0;
  let end: u32 = mask + 1;
  let length = root;
  let left: u32 = 0;
  for (; at < symbols; at++) {
    while (left === 0) left = load<u32>(COUNTS + ((<usize>++length) << 2));
    if ((code & mask) !== prefix) {
      prefix = code & mask;
      const bits = secondBits(length, left, root);
      start = end;
      end = start + ((<u32>1) << bits);
      store<u32>(table + ((<usize>prefix) << 2), (start << 16) | SPECIAL | SECOND | (bits << 8) | root);
    }
    const entry = entryOf(at, meanings, length - root);
    for (let i = start + (code >> root); i < end; i += (<u32>1) << (length - root))
      store<u32>(table + ((<usize>i) << 2), entry);
    code = nextCode(code, length);
    left--;
  }
}
