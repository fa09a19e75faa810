// SPDX-License-Identifier: Apache-2.0
// Inflate for pages of memory: zlib streams (RFC 1950) and raw deflate (RFC 1951) of at most 64 KiB on either side, with the verdict
// of zlib's inflate() on each. AssemblyScript, not TypeScript: scripts/build-wasm.mjs compiles it.
import { adler32 } from './adler';
import { readCodes } from './codes';
import { DISTANCES, FIXED_DISTANCES, FIXED_LITERALS, INPUT, LITERALS, MOST, OUTPUT } from './layout';
import { begin, end, isBeyond, leave, limit, next, out, refill, take, toByte, wrote } from './stream';
import { symbols } from './symbols';

export { start } from './fixed';
export { INPUT, MOST, OUTPUT };

/** Copies a stored block (3.2.4). */
function stored(): boolean {
  toByte();
  if (next + 4 > end) return false;
  const length = <usize>load<u16>(next);
  if ((length ^ load<u16>(next, 2)) !== 0xffff) return false;
  const from = next + 4;
  if (length > end - from || length > limit - out) return false;
  memory.copy(out, from, length);
  leave(0, 0, from + length);
  wrote(out + length);
  return true;
}

/** Decodes blocks up to the last one. */
function blocks(): boolean {
  let isLast: u32;
  do {
    refill();
    isLast = take(1);
    const kind = take(2);
    let isGood: boolean;
    if (kind === 0) isGood = stored();
    else if (kind === 1) isGood = symbols(FIXED_LITERALS, FIXED_DISTANCES);
    else isGood = kind === 2 && readCodes() && symbols(LITERALS, DISTANCES);
    if (!isGood || isBeyond()) return false;
  } while (isLast === 0);
  return out === limit;
}

/** The header of a zlib stream: deflate, a window of at most 32 KiB, no preset dictionary, and a check of five bits. */
function hasHeader(): boolean {
  const method = <u32>load<u8>(INPUT);
  const flags = <u32>load<u8>(INPUT, 1);
  return ((method << 8) | flags) % 31 === 0 && (method & 15) === 8 && method >> 4 <= 7 && (flags & 0x20) === 0;
}

/**
 * Decodes the stream of `length` bytes at INPUT to OUTPUT, where it must fill `size` bytes. Returns whether it does, and zlib accepts it.
 * What follows the end of the stream does not matter. With `isZlib` it is a zlib stream, otherwise raw deflate.
 */
export function inflate(length: u32, size: u32, isZlib: boolean): boolean {
  if (length > <u32>MOST || size > <u32>MOST) return false;
  if (isZlib && (length < 2 || !hasHeader())) return false;
  begin(isZlib ? INPUT + 2 : INPUT, INPUT + length, OUTPUT, OUTPUT + size);
  if (!blocks()) return false;
  if (!isZlib) return true;
  toByte();
  return next + 4 <= end && bswap<u32>(load<u32>(next)) === adler32(OUTPUT, limit);
}
