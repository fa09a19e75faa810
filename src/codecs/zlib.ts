// SPDX-License-Identifier: Apache-2.0
import { inflateSync } from 'node:zlib';

/** zlib streams (RFC 1950); the Adler-32 at the end is checked. */
export function decodeZlib(input: Uint8Array, size: number): Uint8Array | null {
  try {
    // One chunk of the page's size, so that no larger buffer stays alive behind the page.
    const page = inflateSync(input, { maxOutputLength: size, chunkSize: Math.max(size, 64) });
    return page.length === size ? page : null;
  } catch {
    return null;
  }
}
