// SPDX-License-Identifier: Apache-2.0

const BASE: u32 = 65521;
/** Bytes after which the sums are reduced: less than 5,552, from which they might not fit in 32 bits, and a multiple of 16. */
const MOST_AT_ONCE: usize = 4096;

/** Sum of the four lanes. */
function total(lanes: v128): u32 {
  return (
    i32x4.extract_lane(lanes, 0) +
    i32x4.extract_lane(lanes, 1) +
    i32x4.extract_lane(lanes, 2) +
    i32x4.extract_lane(lanes, 3)
  );
}

/** Adler-32 of the bytes from `at` to `end` (RFC 1950). */
export function adler32(at: usize, end: usize): u32 {
  let a: u32 = 1;
  let b: u32 = 0;
  while (at < end) {
    const part = min(end - at, MOST_AT_ONCE);
    const words = at + (part & ~15);
    b += a * <u32>(part & ~15);
    let sum = i32x4.splat(0);
    let earlier = i32x4.splat(0);
    let weighted = i32x4.splat(0);
    for (; at < words; at += 16) {
      const bytes = v128.load(at);
      // Each byte counts once more in b for each word after its own.
      earlier = i32x4.add(earlier, sum);
      sum = i32x4.add(sum, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(bytes)));
      weighted = i32x4.add(
        weighted,
        i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(bytes), i16x8(16, 15, 14, 13, 12, 11, 10, 9)),
      );
      weighted = i32x4.add(
        weighted,
        i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(bytes), i16x8(8, 7, 6, 5, 4, 3, 2, 1)),
      );
    }
    a += total(sum);
    b += total(weighted) + 16 * total(earlier);
    for (const last = words + (part & 15); at < last; at++) {
      a += load<u8>(at);
      b += a;
    }
    a %= BASE;
    b %= BASE;
  }
  return (b << 16) | a;
}
