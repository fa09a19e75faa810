// SPDX-License-Identifier: Apache-2.0
import { build } from './huffman';
import {
  DISTANCE_MEANINGS,
  DISTANCE_ROOT,
  DISTANCES,
  LENGTH_MEANINGS,
  LENGTH_ROOT,
  LENGTH_TABLE,
  LENGTHS,
  LITERAL_MEANINGS,
  LITERAL_ROOT,
  LITERALS,
} from './layout';
import { held, hold, isBeyond, leave, next, refill, take } from './stream';

const LENGTH_MASK: usize = ((<usize>1) << LENGTH_ROOT) - 1;
/** 1 in each of eight bytes. */
const EVERY_BYTE: u64 = ~(<u64>0) / 255;

/** The symbol whose length of a code is the `i`th that is sent. */
function sentOrder(i: usize): usize {
  // 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1 15
  if (i < 3) return 16 + i;
  if (i === 3) return 0;
  return (i & 1) === 0 ? 6 + (i >> 1) : 9 - ((i - 1) >> 1);
}

/** Reads the codes of a block with dynamic codes (3.2.7). */
export function readCodes(): boolean {
  const literals = take(5) + 257;
  const distances = take(5) + 1;
  if (literals > 286 || distances > 30) return false;
  const lengths = take(4) + 4;
  memory.fill(LENGTHS, 0, 19);
  for (let i: u32 = 0; i < lengths; i++) {
    if ((i & 7) === 0) refill();
    store<u8>(LENGTHS + sentOrder(i), <u8>take(3));
  }
  if (!build(LENGTHS, 19, LENGTH_MEANINGS, LENGTH_TABLE, LENGTH_ROOT, false)) return false;
  if (!readLengths(LENGTHS, LENGTHS + literals + distances)) return false;
  // Without an end of the block.
  if (load<u8>(LENGTHS + 256) === 0) return false;
  return (
    build(LENGTHS, literals, LITERAL_MEANINGS, LITERALS, LITERAL_ROOT, true) &&
    build(LENGTHS + literals, distances, DISTANCE_MEANINGS, DISTANCES, DISTANCE_ROOT, true)
  );
}

/** Reads the lengths of the codes of literals and distances. A repetition may go on from those to these. */
function readLengths(at: usize, stop: usize): boolean {
  const first = at;
  let bits = hold;
  let count = held;
  let from = next;
  while (at < stop) {
    bits |= load<u64>(from) << count;
    from += (63 - count) >> 3;
    count |= 56;
    // Three of at most 14 bits each fit in 56.
    for (let i = 0; i < 3 && at < stop; i++) {
      const entry = load<u32>(LENGTH_TABLE + ((<usize>bits & LENGTH_MASK) << 2));
      bits >>= entry & 0xff;
      count -= entry & 0xff;
      const symbol = entry >> 16;
      if (symbol < 16) {
        store<u8>(at++, <u8>symbol);
        continue;
      }
      if (symbol === 16 && at === first) return false;
      const extra: u32 = symbol === 16 ? 2 : symbol === 17 ? 3 : 7;
      const times = <usize>(symbol < 18 ? 3 : 11) + (<usize>bits & ((1 << extra) - 1));
      bits >>= extra;
      count -= extra;
      if (times > <usize>(stop - at)) return false;
      const word = symbol === 16 ? <u64>load<u8>(at - 1) * EVERY_BYTE : 0;
      const end = at + times;
      for (; at < end; at += 8) store<u64>(at, word);
      at = end;
    }
  }
  leave(bits, count, from);
  return !isBeyond();
}
