// SPDX-License-Identifier: Apache-2.0
// What does not depend on the stream: the meanings of symbols, and the fixed codes.
import { build, END, LITERAL, SPECIAL } from './huffman';
import {
  DISTANCE_MEANINGS,
  DISTANCE_ROOT,
  FIXED_DISTANCES,
  FIXED_LITERALS,
  LENGTH_MEANINGS,
  LENGTHS,
  LITERAL_MEANINGS,
  LITERAL_ROOT,
} from './layout';

/** Writes bases and extra bits of the symbols after `at`: two, or four, or eight, … with the same number of extra bits. */
function writeBases(at: usize, end: usize, base: u32, each: u32): void {
  let extra: u32 = 0;
  // The first group with no extra bits is twice as large.
  let left = each * 2;
  for (; at < end; at += 4) {
    if (left === 0) {
      extra++;
      left = each;
    }
    store<u32>(at, (base << 16) | extra);
    base += (<u32>1) << extra;
    left--;
  }
}

function setLengths(from: usize, to: usize, bits: u8): void {
  memory.fill(LENGTHS + from, bits, to - from);
}

/** What the symbols stand for, and the tables of the fixed codes (RFC 1951, 3.2.5 and 3.2.6). */
export function start(): void {
  for (let i: u32 = 0; i < 256; i++) store<u32>(LITERAL_MEANINGS + (i << 2), LITERAL | (i << 16));
  for (let i: u32 = 0; i < 19; i++) store<u32>(LENGTH_MEANINGS + (i << 2), i << 16);
  store<u32>(LITERAL_MEANINGS + 256 * 4, SPECIAL | END);
  writeBases(LITERAL_MEANINGS + 257 * 4, LITERAL_MEANINGS + 285 * 4, 3, 4);
  store<u32>(LITERAL_MEANINGS + 285 * 4, 258 << 16);
  store<u64>(LITERAL_MEANINGS + 286 * 4, ((<u64>SPECIAL) << 32) | SPECIAL);
  writeBases(DISTANCE_MEANINGS, DISTANCE_MEANINGS + 30 * 4, 1, 2);
  store<u64>(DISTANCE_MEANINGS + 30 * 4, ((<u64>SPECIAL) << 32) | SPECIAL);
  setLengths(0, 144, 8);
  setLengths(144, 256, 9);
  setLengths(256, 280, 7);
  setLengths(280, 288, 8);
  build(LENGTHS, 288, LITERAL_MEANINGS, FIXED_LITERALS, LITERAL_ROOT, false);
  setLengths(0, 32, 5);
  build(LENGTHS, 32, DISTANCE_MEANINGS, FIXED_DISTANCES, DISTANCE_ROOT, false);
}
