// SPDX-License-Identifier: Apache-2.0
import type { Decode } from './codec.js';
import { startWasm } from './wasm.js';

/** Loads the decoder for raw snappy blocks. Throws `DumpError` if it can't be started. */
export async function loadSnappy(): Promise<Decode> {
  const { snappyUncompressor } = await import('hysnappy');
  const uncompress = await startWasm('snappy', snappyUncompressor);
  return (input, size) => {
    // The decoder trusts the length at the start: a smaller one would leave bytes of an earlier page at the end.
    if (declaredLength(input) !== size) return null;
    try {
      const page = uncompress(input, size);
      return page.length === size ? page : null;
    } catch {
      return null;
    }
  };
}

/** The uncompressed length at the start of a block, a varint of at most five bytes; -1 if it is not valid. */
function declaredLength(input: Uint8Array): number {
  let length = 0;
  for (let i = 0; i < Math.min(input.length, 5); i++) {
    const byte = input[i] as number;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return length;
  }
  return -1;
}
