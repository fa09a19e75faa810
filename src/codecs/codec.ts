// SPDX-License-Identifier: Apache-2.0

/**
 * Decodes one page: `size` bytes exactly, in memory of its own. Null when the input can't be decoded to exactly that;
 * only zlib streams carry a checksum, so with the other codecs a page that decodes is not thereby proved intact.
 */
export type Decode = (input: Uint8Array, size: number) => Uint8Array | null;
