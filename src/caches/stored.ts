// SPDX-License-Identifier: Apache-2.0

/** What a store of compressed pages, zswap or zram, has for a swapped page. */
export type Stored = {
  readonly store: 'zswap' | 'zram';
  /** The kernel's name of the compression algorithm; null if the page is not compressed. */
  readonly algorithm: string | null;
  /** Size of the object in bytes. */
  readonly size: number;
} & (
  | {
      /** The object: the compressed page, or the page itself. Throws `DumpError` if it can't be read. */
      readonly read: () => Uint8Array;
    }
  /** A page that consists of this word. */
  | { readonly word: bigint }
);
