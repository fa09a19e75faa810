// SPDX-License-Identifier: Apache-2.0

/** Matches are this long at least. */
const SHORTEST = 4;

/** Decodes an LZ4 block, after the description of its format (doc/lz4_Block_format.md of LZ4). */
export function decodeLz4(input: Uint8Array, size: number): Uint8Array | null {
  const output = new Uint8Array(size);
  let [at, to] = [0, 0];
  /** A length of 15 continues in the following bytes, of which all but the last are 255; -1 if they end too early. */
  const lengthOf = (nibble: number): number => {
    if (nibble < 15) return nibble;
    for (let length = 15; at < input.length; ) {
      const byte = input[at++] as number;
      length += byte;
      if (byte < 255) return length;
    }
    return -1;
  };
  while (at < input.length) {
    const token = input[at++] as number;
    const literals = lengthOf(token >> 4);
    if (literals < 0 || at + literals > input.length || to + literals > size) return null;
    output.set(input.subarray(at, at + literals), to);
    at += literals;
    to += literals;
    // The last sequence has literals only.
    if (at === input.length) return to === size ? output : null;
    if (at + 2 > input.length) return null;
    const distance = (input[at] as number) | ((input[at + 1] as number) << 8);
    at += 2;
    const length = lengthOf(token & 15);
    if (length < 0 || distance === 0 || distance > to || to + length + SHORTEST > size) return null;
    // A match may overlap its own output, so it is copied byte by byte.
    for (const end = to + length + SHORTEST; to < end; to++) output[to] = output[to - distance] as number;
  }
  return null;
}
