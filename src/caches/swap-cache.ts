// SPDX-License-Identifier: Apache-2.0
import type { Pfn } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import { Lru } from '../core/lru.js';
import type { Host } from '../kernel/host.js';
import type { Swap } from '../kernel/swap.js';
import type { Folios } from './folios.js';
import { type EntryForm, entryForm, type SwapPosition } from './swap-entries.js';
import { GROUP, type Slots, slotsOf } from './swap-slots.js';

/** Groups of slots that are kept. */
const KEPT = 1024;

/** Entries of a group of slots in each array, or why they can't be read. */
type Group = readonly (BigUint64Array | DumpError)[];

/** A page in the swap cache. */
export interface SwapCached {
  readonly frame: Pfn;
  /** Whether its contents are those of the page: it is not still to be read from swap. */
  readonly isReady: boolean;
}

/** Swapped pages that are still in memory, or already there again (mm/swap_state.c). */
export class SwapCache {
  readonly #folios: Folios;
  readonly #form: EntryForm;
  /** The arrays of the cache. Some kernels' types do not say which of several they have; then each is searched. */
  readonly #slots: readonly Slots[];
  readonly #groups = new Lru<Group>(KEPT);

  constructor(host: Host, swap: Swap, folios: Folios) {
    this.#folios = folios;
    this.#form = entryForm(host);
    this.#slots = slotsOf(host, swap, folios, this.#form);
  }

  /**
   * A page by its place in swap; null if it is not in the swap cache. The struct page must name this place.
   * Throws `DumpError` if that can't be found out.
   */
  find(position: SwapPosition): SwapCached | null {
    let problem: DumpError | null = null;
    const inGroup = position.offset % GROUP;
    const group = this.#group(position);
    for (const [i, slots] of this.#slots.entries()) {
      const entries = group[i] as BigUint64Array | DumpError;
      if (entries instanceof DumpError) {
        problem ??= entries;
        continue;
      }
      const address = slots.pageOf(entries[inGroup] as bigint);
      if (address === null) continue;
      try {
        return this.#checked(address, position);
      } catch (error) {
        if (!(error instanceof DumpError)) throw error;
        problem ??= error;
      }
    }
    if (problem !== null) throw problem;
    return null;
  }

  /** The page of a compound page whose entry is this one: each slot has its head since v4.20. */
  #checked(address: bigint, { type, offset }: SwapPosition): SwapCached {
    const folios = this.#folios;
    const { swapcache, uptodate } = folios.flags;
    const own = folios.read(address);
    const head = folios.headOf(own);
    const place = this.#form.placeOf(own.private);
    const further = offset - place.offset;
    const isCached = swapcache === 0n || (head.flags & swapcache) !== 0n;
    if (!isCached || head.count <= 0 || place.type !== type || further < 0)
      throw folios.error(address, `it is in the swap cache, but does not name its place in swap`);
    const frame = folios.knownFrame(address) + further;
    if (further > 0 && folios.read(folios.addressOf(frame)).head !== head.address)
      throw folios.error(address, `it is in the swap cache, but does not have ${further + 1} pages`);
    return { frame: frame as Pfn, isReady: uptodate === 0n || (head.flags & uptodate) !== 0n };
  }

  #group(position: SwapPosition): Group {
    const number = Math.floor(position.offset / GROUP);
    const key = position.type * 2 ** 46 + number;
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const first = { type: position.type, offset: number * GROUP };
    const group = this.#slots.map((slots) => orError(() => slots.group(first)));
    this.#groups.set(key, group);
    return group;
  }
}

function orError<T>(work: () => T): T | DumpError {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    return error;
  }
}
