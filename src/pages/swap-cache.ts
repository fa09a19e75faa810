// SPDX-License-Identifier: Apache-2.0
import type { Host } from '../kernel/host.js';
import { Swap } from '../kernel/swap.js';
import { describes } from '../types/source.js';

/** The place in swap of a page in the swap cache. */
export interface SwapEntry {
  readonly type: number;
  /** In pages. */
  readonly offset: number;
  /** Path of the device or file; null if it can't be read. */
  readonly device: string | null;
}

/** Reads swap entries as they are in memory (swp_entry_t, include/linux/swapops.h). */
export class SwapCache {
  readonly #swap: Swap;
  /** The lowest bit of the type (SWP_TYPE_SHIFT). */
  readonly #shift: bigint;

  constructor({ types, symbols, ...host }: Host) {
    this.#swap = new Swap({ ...host, types, symbols });
    // 63 bits in an XArray (v4.20), 62 in a radix tree (v3.1; swapper_spaces is v3.9's), before 64.
    const bits = describes(types, 'xa_node') ? 63n : symbols.get('swapper_spaces') === undefined ? 64n : 62n;
    this.#shift = bits - 5n;
  }

  /** The entry of a page: that of its compound page, and how many pages it is further. */
  entryOf(value: bigint, further: number): SwapEntry {
    const type = Number((value >> this.#shift) & 31n);
    const offset = Number(value & ((1n << this.#shift) - 1n)) + further;
    return { type, offset, device: this.#swap.device(type) };
  }
}
