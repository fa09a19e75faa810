// SPDX-License-Identifier: Apache-2.0
import type { Host } from '../kernel/host.js';
import { describes } from '../types/source.js';

/** A place in swap. */
export interface SwapPosition {
  readonly type: number;
  /** In pages. */
  readonly offset: number;
}

/** How a kernel writes values and swap entries into arrays and struct pages. */
export interface EntryForm {
  /** The number of an entry that is a value; null if it is a pointer. */
  valueOf(entry: bigint): bigint | null;
  /** A swap entry as it is in memory (swp_entry_t, include/linux/swapops.h). */
  placeOf(value: bigint): SwapPosition;
  /** The reverse. */
  readonly entryOf: (position: SwapPosition) => bigint;
}

const TYPE_BITS = 5n;

/**
 * Values of an XArray have bit 0 set and 63 bits above it (since v4.20), those of a radix tree bit 1 and 62 bits. The type of a
 * swap entry is in the highest 5 of these bits (SWP_TYPE_SHIFT); in 2.6.32, which does not store swap entries in trees, of 64.
 */
export function entryForm({ types, symbols }: Host): EntryForm {
  const isXarray = describes(types, 'xa_node');
  const bits = isXarray ? 63n : symbols.get('swapper_space') !== undefined ? 64n : 62n;
  const shift = bits - TYPE_BITS;
  const [mark, below] = isXarray ? [1n, 1n] : [2n, 2n];
  return {
    valueOf: (entry) => ((entry & 3n) === mark || (isXarray && (entry & 1n) === 1n) ? entry >> below : null),
    placeOf: (value) => ({
      type: Number((value >> shift) & 31n),
      offset: Number(value & ((1n << shift) - 1n)),
    }),
    entryOf: ({ type, offset }) => (BigInt(type) << shift) | BigInt(offset),
  };
}
