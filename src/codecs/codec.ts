// SPDX-License-Identifier: Apache-2.0

/**
 * Decodes one page to exactly `size` bytes in newly allocated memory; null if the input does not decode to that size.
 * Only zlib streams have a checksum: with the other codecs, a damaged page may decode without an error.
 */
export type Decode = (input: Uint8Array, size: number) => Uint8Array | null;
