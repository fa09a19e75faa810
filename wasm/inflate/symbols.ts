// SPDX-License-Identifier: Apache-2.0
import { END, LITERAL, SECOND, SPECIAL } from './huffman';
import { DISTANCE_ROOT, LITERAL_ROOT, OUTPUT } from './layout';
import { end, held, hold, leave, limit, next, out, wrote } from './stream';

const LITERAL_MASK: usize = ((<usize>1) << LITERAL_ROOT) - 1;
const DISTANCE_MASK: usize = ((<usize>1) << DISTANCE_ROOT) - 1;

/** The entry of the second table to which `entry` leads, by the bits after those of the root. */
function inSecond(table: usize, entry: u32, bits: u64): u32 {
  const index = (entry >> 16) + (<u32>bits & (((<u32>1) << ((entry >> 8) & 15)) - 1));
  return load<u32>(table + ((<usize>index) << 2));
}

/** The length or distance of an entry: its base and the extra bits, which follow the code. A shift uses the lowest six bits of a number. */
function amount(entry: u32, bits: u64): usize {
  return <usize>(entry >> 16) + <usize>((bits & (((<u64>1) << entry) - 1)) >> (entry >> 8));
}

/** Copies a match that ends at `stop`, and up to 30 bytes more than it has. */
function copy(to: usize, distance: usize, stop: usize): void {
  let source = to - distance;
  // What repeats every `distance` bytes repeats every two times that as well: soon 16 bytes can be copied at once.
  while (distance < 16) {
    v128.store(to, v128.load(source));
    to += distance;
    distance <<= 1;
    if (to >= stop) return;
  }
  do {
    v128.store(to, v128.load(source));
    source += 16;
    to += 16;
  } while (to < stop);
}

/**
 * Decodes the symbols of a block. One look at the ends is enough for three literals and a match, because there is room behind the
 * stream and the output. The bits last as well: 56, of which three literals take 30 and a length 20, and then the 28 that a distance may
 * take. Only the lowest six bits of `count` have a meaning until it is filled again.
 */
export function symbols(literals: usize, distances: usize): boolean {
  let bits = hold;
  let count = held;
  let from = next;
  let to = out;
  const lastFrom = end + 8;
  const lastTo = limit;
  while (true) {
    bits |= load<u64>(from) << count;
    from += ((count >> 3) & 7) ^ 7;
    count |= 56;
    if (from > lastFrom || to > lastTo) return false;
    let entry = load<u32>(literals + ((<usize>bits & LITERAL_MASK) << 2));
    if (entry & LITERAL) {
      store<u8>(to++, entry >> 16);
      bits >>= entry;
      count -= entry;
      entry = load<u32>(literals + ((<usize>bits & LITERAL_MASK) << 2));
      if (entry & LITERAL) {
        store<u8>(to++, entry >> 16);
        bits >>= entry;
        count -= entry;
        entry = load<u32>(literals + ((<usize>bits & LITERAL_MASK) << 2));
      }
    }
    if (entry & (LITERAL | SPECIAL)) {
      if (entry & SECOND) {
        bits >>= LITERAL_ROOT;
        count -= LITERAL_ROOT;
        entry = inSecond(literals, entry, bits);
      }
      if (entry & LITERAL) {
        store<u8>(to++, entry >> 16);
        bits >>= entry;
        count -= entry;
        continue;
      }
      if (entry & SPECIAL) {
        leave(bits >> entry, (count - entry) & 63, from);
        wrote(to);
        return (entry & END) !== 0;
      }
    }
    const stop = to + amount(entry, bits);
    bits >>= entry;
    count -= entry;
    if ((count & 63) < 28) {
      bits |= load<u64>(from) << count;
      from += ((count >> 3) & 7) ^ 7;
      count |= 56;
    }
    entry = load<u32>(distances + ((<usize>bits & DISTANCE_MASK) << 2));
    if (entry & SPECIAL) {
      if ((entry & SECOND) === 0) return false;
      bits >>= DISTANCE_ROOT;
      count -= DISTANCE_ROOT;
      entry = inSecond(distances, entry, bits);
      if (entry & SPECIAL) return false;
    }
    const distance = amount(entry, bits);
    bits >>= entry;
    count -= entry;
    if (distance > to - OUTPUT) return false;
    copy(to, distance, stop);
    to = stop;
  }
}
