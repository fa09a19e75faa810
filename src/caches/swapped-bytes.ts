// SPDX-License-Identifier: Apache-2.0
import { kernelCodec } from '../codecs/index.js';
import { PAGE_SIZE } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import type { Host } from '../kernel/host.js';
import type { Swap } from '../kernel/swap.js';
import type { Folios } from './folios.js';
import type { Stored } from './stored.js';
import type { SwapPosition } from './swap-entries.js';
import { isZeros } from './swap-zeros.js';
import { Zram } from './zram.js';
import { Zsmalloc } from './zsmalloc.js';
import { Zswap } from './zswap.js';

/** Where the contents of a swapped page are that is not in the swap cache: in memory, or `on-device`. */
export type Kept = Stored | { readonly store: 'zeros' } | { readonly store: 'on-device' };

/**
 * Finds and reads swapped pages that are kept in memory: pages of zeros, of which only that is noted, and those in zswap and
 * zram. The kernel looks at them in this order (mm/page_io.c, swap_read_folio).
 */
export class SwappedBytes {
  readonly #host: Host;
  readonly #swap: Swap;
  readonly #zswap: Zswap;
  readonly #zram: Zram;

  constructor(host: Host, swap: Swap, folios: Folios) {
    const zsmalloc = new Zsmalloc(host, folios);
    this.#host = host;
    this.#swap = swap;
    this.#zswap = new Zswap(host, zsmalloc);
    this.#zram = new Zram(host, swap, zsmalloc);
  }

  /** What is known of the page at a place in swap. Throws `DumpError` if that can't be found out. */
  find(position: SwapPosition): Kept {
    if (isZeros(this.#host, this.#swap, position)) return { store: 'zeros' };
    return this.#zswap.find(position) ?? this.#zram.find(position) ?? { store: 'on-device' };
  }

  /**
   * The bytes of the page at a place in swap; null if they are on a device, and so not in memory. Throws `DumpError` if they
   * can't be read, or if the decoder of the algorithm is not known or not loaded (`loadKernelCodecs`).
   */
  read(position: SwapPosition): Uint8Array | null {
    const kept = this.find(position);
    if (kept.store === 'on-device') return null;
    if (kept.store === 'zeros') return new Uint8Array(PAGE_SIZE);
    if ('word' in kept) return new Uint8Array(new BigUint64Array(PAGE_SIZE / 8).fill(kept.word).buffer);
    const bytes = kept.read();
    const { algorithm, store, size } = kept;
    if (algorithm === null) return bytes;
    const codec = kernelCodec(algorithm);
    if (codec === null) throw new DumpError(`${store}: pages compressed with '${algorithm}' can't be decoded`);
    const page = codec(bytes, PAGE_SIZE);
    if (page !== null) return page;
    throw new DumpError(`${store}: an object of ${size} bytes is not a page that ${algorithm} has compressed`);
  }
}
