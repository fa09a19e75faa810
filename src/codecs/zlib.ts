// SPDX-License-Identifier: Apache-2.0
import { inflateRawSync, inflateSync } from 'node:zlib';

/** Decodes a zlib stream (RFC 1950), and checks the Adler-32 at its end. */
export function decodeZlib(input: Uint8Array, size: number): Uint8Array | null {
  try {
    // A single chunk of the page's size, so that the page does not keep a larger buffer alive.
    const page = inflateSync(input, { maxOutputLength: size, chunkSize: Math.max(size, 64) });
    return page.length === size ? page : null;
  } catch {
    return null;
  }
}

/** Decodes a raw deflate stream (RFC 1951), which does not have a checksum. */
export function decodeDeflate(input: Uint8Array, size: number): Uint8Array | null {
  try {
    const page = inflateRawSync(input, { maxOutputLength: size, chunkSize: Math.max(size, 64) });
    return page.length === size ? page : null;
  } catch {
    return null;
  }
}
