// SPDX-License-Identifier: Apache-2.0
import type { FileCaches } from '../caches/files.js';
import { SwapCache } from '../caches/swap-cache.js';
import { DumpError } from '../core/errors.js';
import type { Host } from '../kernel/host.js';
import { Swap } from '../kernel/swap.js';
import type { MutableMmRun } from './mm-run.js';

/** Pages that have been swapped out, and what is known of each place in swap. */
export class SwappedPages {
  readonly swap: Swap;
  readonly #host: Host;
  readonly #caches: FileCaches;
  #cache: SwapCache | DumpError | null = null;

  constructor(host: Host, caches: FileCaches) {
    this.#host = host;
    this.#caches = caches;
    this.swap = new Swap(host);
  }

  /** Sets the place of a page in swap, and its frame if it is in the swap cache. */
  place(run: MutableMmRun, type: number, offset: number): void {
    run.swapped(type, offset);
    const frame = this.#frameOf(type, offset);
    if (typeof frame === 'number') run.names(frame);
  }

  /** What is known of a swapped page, as the end of a message; empty if it is only in swap. */
  about(run: MutableMmRun): string {
    const { swap } = run;
    const frame = swap === null ? null : this.#frameOf(swap.type, swap.offset);
    if (frame === null) return '';
    if (typeof frame === 'number') return `; it is also in memory, in the swap cache, at ${run.place}`;
    return `; it is not known whether it is in the swap cache: ${frame.message}`;
  }

  /** Null if the page is not in the swap cache. */
  #frameOf(type: number, offset: number): number | DumpError | null {
    try {
      this.#cache ??= this.#open();
      return this.#cache instanceof DumpError ? this.#cache : this.#cache.frameOf({ type, offset });
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
