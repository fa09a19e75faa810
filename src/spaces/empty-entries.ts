// SPDX-License-Identifier: Apache-2.0

import type { FileCaches } from '../caches/files.js';
import type { Cached } from '../caches/page-cache.js';
import type { Vpn } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import type { Mappings } from './mappings.js';
import type { Explain, MutableMmRun } from './mm-run.js';
import type { SwappedPages } from './swapped-pages.js';

/** VM_PFNMAP, VM_IO (include/linux/mm.h): memory of a device, which is in no page cache. */
const DEVICE = 0x400n | 0x4000n;

/**
 * What empty page-table entries mean. In the mapping of a file the page can be in the page cache, or, if the file is shared
 * memory, in swap. Anonymous memory has no page there.
 */
export class EmptyEntries {
  readonly #mappings: Mappings;
  readonly #caches: FileCaches;
  readonly #swappedPages: () => SwappedPages;
  readonly #name: (level: number) => string;

  /** `name`: the name of a level. */
  constructor(
    mappings: Mappings,
    caches: FileCaches,
    swappedPages: () => SwappedPages,
    name: (level: number) => string,
  ) {
    this.#mappings = mappings;
    this.#caches = caches;
    this.#swappedPages = swappedPages;
    this.#name = name;
  }

  /**
   * Sets `run` to the answer for the page `run.vpn`, whose entry of a level is empty. Returns the page up to which the pages
   * after it have the same answer, at most `end`, if their entries are empty as well.
   */
  find(run: MutableMmRun, level: number, end: Vpn): Vpn {
    const page = run.vpn;
    const around = this.#mappings.around(page);
    const { vma, why } = around;
    const border = Math.min(around.end, end) as Vpn;
    if (why !== null) {
      // Without types of mappings nothing is known of any page. The entry is empty, which is all that can be said.
      const reason = why.code === 'no-types' ? 'empty-entry' : 'page-cache-unreadable';
      run.end('not-present', reason, level, this.#unknown(why.message));
      return border;
    }
    if (vma === null || vma.file === 0n || (vma.flags & DEVICE) !== 0n) {
      run.end('not-present', 'empty-entry', level, vma === null ? this.#unmapped : this.#untouched);
      return border;
    }
    const cache = this.#caches.of(vma.file);
    const place = around.place + page - around.first;
    const found = cache instanceof DumpError ? unknown(cache) : cache.find(place, place + border - page);
    return Math.min(border, page + this.#answer(run, level, found) - place) as Vpn;
  }

  #answer(run: MutableMmRun, level: number, found: Cached): number {
    switch (found.kind) {
      case 'nothing':
        run.end('not-present', 'empty-entry', level, this.#uncached);
        break;
      case 'page':
        run.end('not-present', 'in-page-cache', level, found.isReady ? this.#cached : this.#notReady);
        run.names(found.frame);
        break;
      case 'swap':
        return this.#inSwap(run, level, found);
      default:
        run.end('not-present', 'page-cache-unreadable', level, this.#unknown(found.why));
    }
    return found.end;
  }

  #inSwap(run: MutableMmRun, level: number, { type, offset, end }: Cached & { readonly kind: 'swap' }): number {
    const pages = this.#swappedPages();
    const kind = pages.swap.kindOf(type, offset);
    if (kind === 'swap') {
      run.end('not-present', 'shmem-swapped', level, this.#swapped);
      pages.place(run, type, offset);
      return end;
    }
    const why = `it has an entry of the kind '${kind}' there`;
    run.end('not-present', 'page-cache-unreadable', level, this.#unknown(why));
    return end;
  }

  #empty({ level }: MutableMmRun): string {
    return `the ${this.#name(level)} entry is empty`;
  }

  readonly #unmapped: Explain = (run) => `${this.#empty(run)}: no page is mapped there`;
  readonly #untouched: Explain = (run) => `${this.#empty(run)}: no page is allocated there`;
  readonly #uncached: Explain = (run) =>
    `${this.#empty(run)}: no page is mapped there, and the page cache of its file does not have one`;
  readonly #cached: Explain = (run) =>
    `${this.#empty(run)}: no page is mapped there, but the page cache of its file has the page, at ${run.place}`;
  readonly #notReady: Explain = (run) => `${this.#cached(run)}, whose contents are not valid yet`;
  readonly #swapped: Explain = (run) =>
    `${this.#empty(run)}: no page is mapped there, and the page of the shared memory has been swapped out${this.#swappedPages().about(run)}`;

  #unknown(why: string): Explain {
    return (run) =>
      `${this.#empty(run)}: no page is mapped there; it is not known whether the page cache of its file has one: ${why}`;
  }
}

const unknown = ({ message }: DumpError): Cached => ({ kind: 'unknown', why: message, end: Infinity });
