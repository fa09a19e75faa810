// SPDX-License-Identifier: Apache-2.0
import type { FileCaches } from '../caches/files.js';
import { SwapCache, type SwapCached } from '../caches/swap-cache.js';
import type { SwapPosition } from '../caches/swap-entries.js';
import { type Kept, SwappedBytes } from '../caches/swapped-bytes.js';
import { DumpError } from '../core/errors.js';
import { printable } from '../core/text.js';
import type { Host } from '../kernel/host.js';
import { Swap } from '../kernel/swap.js';
import type { MutableMmRun } from './mm-run.js';

/** Pages that have been swapped out, and what is known of each place in swap. */
export class SwappedPages {
  readonly swap: Swap;
  readonly #host: Host;
  readonly #caches: FileCaches;
  #cache: SwapCache | DumpError | null = null;
  #bytes: SwappedBytes | null = null;

  constructor(host: Host, caches: FileCaches) {
    this.#host = host;
    this.#caches = caches;
    this.swap = new Swap(host);
  }

  /** Sets the place of a page in swap, and its frame if it is in the swap cache. */
  place(run: MutableMmRun, type: number, offset: number): void {
    run.swapped(type, offset);
    const cached = this.#cached(type, offset);
    if (cached !== null && !(cached instanceof DumpError)) run.names(cached.frame);
  }

  /** What is known of a swapped page, as the end of a message; empty if it is only in swap. */
  about(run: MutableMmRun): string {
    const { swap } = run;
    const cached = swap === null ? null : this.#cached(swap.type, swap.offset);
    if (cached === null) return swap === null ? '' : this.#kept(swap);
    if (cached instanceof DumpError) return `; it is not known whether it is in the swap cache: ${cached.message}`;
    const more = cached.isReady ? '' : ', whose contents are not valid yet';
    return `; it is also in memory, in the swap cache, at ${run.place}${more}`;
  }

  /** Finds and reads the contents of pages that are not in the swap cache. Throws `DumpError`. */
  get bytes(): SwappedBytes {
    this.#bytes ??= new SwappedBytes(this.#host, this.swap, this.#caches.folios);
    return this.#bytes;
  }

  #kept(place: SwapPosition): string {
    try {
      return textOf(this.bytes.find(place));
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      return `; it is not known where its contents are: ${error.message}`;
    }
  }

  /** Null if the page is not in the swap cache. */
  #cached(type: number, offset: number): SwapCached | DumpError | null {
    try {
      this.#cache ??= this.#open();
      return this.#cache instanceof DumpError ? this.#cache : this.#cache.find({ type, offset });
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      return error;
    }
  }

  #open(): SwapCache | DumpError {
    try {
      return new SwapCache(this.#host, this.swap, this.#caches.folios);
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      return error;
    }
  }
}

function textOf(kept: Kept): string {
  if (kept.store === 'on-device') return '';
  if (kept.store === 'zeros') return '; it consists of zeros, which is noted in memory';
  if ('word' in kept) return `; it is in ${kept.store}, as the one word that it consists of`;
  const { store, algorithm, size } = kept;
  const form = algorithm === null ? 'not compressed' : `compressed with ${printable(algorithm)} to ${size} bytes`;
  return `; it is in ${store}, ${form}`;
}
