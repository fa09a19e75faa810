// SPDX-License-Identifier: Apache-2.0
import type { Vpn } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import { FrameSet } from './frame-set.js';
import type { PageWalker } from './walker.js';

/** Most levels whose tables are noted: those of PTE, PMD and PUD tables. There are few above. */
const LEVELS = 3;
/** Walks of a range before tables are noted: most ranges end before. */
const UNNOTED = 4096;
/**
 * Times that a range can enter a table that it has entered at another place. Only PMD tables of hugetlbfs are shared, in which each
 * such place maps 1 GiB (huge_pmd_share, mm/hugetlb.c).
 */
const MOST_REPEATS = 1024;

/**
 * Notes the tables that the walks through a range enter, in order of their pages, so that tables that lead to each other in a loop,
 * or many times to the same ones, do not take forever.
 */
export class EnteredTables {
  readonly #walker: PageWalker;
  readonly #seen = new FrameSet();
  /** By level: where the table that was entered last is, as first page / pages of a table. */
  readonly #places = new Float64Array(LEVELS);
  #walks = 0;
  #repeats = 0;

  constructor(walker: PageWalker) {
    this.#walker = walker;
  }

  /** Starts a range. */
  clear(): void {
    if (this.#walks > UNNOTED) this.#seen.clear();
    this.#places.fill(-1);
    this.#walks = 0;
    this.#repeats = 0;
  }

  /** Notes the tables down to a level of the walker's walk to a page. Throws `DumpError` if too many were entered before. */
  note(lowest: number, page: Vpn): void {
    if (++this.#walks <= UNNOTED) return;
    const { tables } = this.#walker;
    for (let level = lowest; level < LEVELS; level++) {
      const place = Math.floor(page / 512 ** (level + 1));
      if (place === this.#places[level]) return;
      this.#places[level] = place;
      const frame = tables[level] as number;
      if (this.#seen.add(frame) && ++this.#repeats > MOST_REPEATS)
        throw new DumpError(
          `page tables: more than ${MOST_REPEATS} entries lead to tables that others lead to, such as the one at physical address 0x${(frame * 4096).toString(16)}`,
          { code: 'damaged' },
        );
    }
  }
}
