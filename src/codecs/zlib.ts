// SPDX-License-Identifier: Apache-2.0
import { inflateRawSync, inflateSync } from 'node:zlib';
import type { Decode } from './codec.js';
import { type Inflate, startInflate } from './inflate.js';

/** Decodes a zlib stream (RFC 1950), and checks the Adler-32 at its end. What follows the stream does not matter. */
export const decodeZlib: Decode = (input, size) => {
  const pages = forPages(input, size);
  return pages === null ? byNode(inflateSync, input, size) : pages.zlib(input, size);
};

/** Decodes a raw deflate stream (RFC 1951), which does not have a checksum. What follows the stream does not matter. */
export const decodeDeflate: Decode = (input, size) => {
  const pages = forPages(input, size);
  return pages === null ? byNode(inflateRawSync, input, size) : pages.deflate(input, size);
};

/** Undefined until there is something to decode; null if they can't be started. */
let started: Inflate | null | undefined;

/** The decoders for pages, which are faster than node:zlib; null if a stream is too large, or if they can't be started. */
function forPages(input: Uint8Array, size: number): Inflate | null {
  if (started === undefined) started = start();
  return started !== null && size > 0 && size <= started.most && input.length <= started.most ? started : null;
}

function start(): Inflate | null {
  try {
    return startInflate();
  } catch {
    // Without WebAssembly (--jitless), or without the address space that it reserves (ulimit -v).
    return null;
  }
}

function byNode(inflate: typeof inflateSync, input: Uint8Array, size: number): Uint8Array | null {
  try {
    // A single chunk of the page's size, so that the page does not keep a larger buffer alive.
    const page = inflate(input, { maxOutputLength: size, chunkSize: Math.max(size, 64) });
    return page.length === size ? page : null;
  } catch {
    return null;
  }
}
