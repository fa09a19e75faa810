// SPDX-License-Identifier: Apache-2.0
import type { Pfn, Vpn } from '../core/address.js';
import type { FrameSource } from '../core/memory.js';
import { type PagingForm, PRESENT } from './form.js';
import { FrameSet } from './frame-set.js';
import { PageWalker, Walk } from './walker.js';

/** Levels of tables at most. */
const LEVELS = 5;

/**
 * Walks ranges of a process's page tables in pieces: a PTE table, or an entry above it that ends the walk. For a search in
 * all entries: a caller that looks at each page of the range asks `PageRuns`.
 *
 *     scan.of(root);
 *     for (scan.over(from, to); scan.next(); ) if (scan.table !== null) …
 *
 * Ranges of the same tables must ascend. No table is entered twice at different places, so that the work is bounded by the
 * number of tables in the dump: such a place is one piece, with `isRepeated`.
 */
export class TableScan {
  /** First page of the piece, and number of its pages. */
  first = 0 as Vpn;
  pages = 0;
  /** The PTE table, and the index of the entry of `first`; null if the piece is an entry above, or a missing table. */
  table: DataView | null = null;
  index = 0;
  /** Without a table, how the walk ended: as in `PageRuns`. */
  status: Walk = Walk.Empty;
  /** Mapped: frame of the first page. Otherwise that of the table at `level`, which may be missing. */
  frame = 0 as Pfn;
  level = 0;
  /** The entry at which the walk ended. */
  lo = 0;
  hi = 0;
  protNone = false;
  /** Whether the piece is a table that was entered before, at another place. What it maps is not known. */
  isRepeated = false;

  readonly #walker: PageWalker;
  readonly #seen = new FrameSet();
  /** By level, the table that was entered last, and its place: the first page that it covers / its number of pages. */
  readonly #entered = new Float64Array(LEVELS);
  readonly #places = new Float64Array(LEVELS);
  #root = 0 as Pfn;
  #to = 0;
  #shares = false;

  constructor(memory: FrameSource, form: PagingForm) {
    this.#walker = new PageWalker(memory, form);
  }

  /** Starts with the tables of a process, whose top table is the frame `root`. */
  of(root: Pfn): this {
    this.#root = root;
    this.#seen.clear();
    this.#entered.fill(-1);
    this.#places.fill(-1);
    return this;
  }

  /**
   * Starts the pages `from` to `to` - 1. `shares`: mappings of hugetlbfs, of which several can have the same PMD tables
   * (huge_pmd_share, mm/hugetlb.c).
   */
  over(from: Vpn, to: Vpn, shares = false): this {
    this.first = from;
    this.pages = 0;
    this.#to = to;
    this.#shares = shares;
    return this;
  }

  /** Moves to the next piece; false after the last one. */
  next(): boolean {
    const page = (this.first + this.pages) as Vpn;
    if (page >= this.#to) return false;
    const walker = this.#walker;
    const status = walker.walk(this.#root, page);
    const isMissing = status === Walk.TableMissing;
    const level = isMissing ? walker.level + 1 : walker.level;
    this.first = page;
    const repeated = this.#enter(level, page);
    this.isRepeated = repeated >= 0;
    this.status = status;
    this.level = walker.level;
    this.frame = walker.frame;
    this.table = level === 0 && !this.isRepeated ? walker.view(0) : null;
    // Exact for any page number: only the low bits matter.
    this.index = page & 511;
    const size = this.isRepeated ? 512 ** (repeated + 1) : level === 0 ? 512 : 512 ** level;
    this.pages = Math.min(size - (page % size), this.#to - page);
    this.lo = walker.lo[level] ?? 0;
    this.hi = walker.hi[level] ?? 0;
    this.protNone = status === Walk.Mapped && (this.lo & PRESENT) === 0;
    return true;
  }

  /** Notes the tables from the top down to a level. Returns the level of the first that was entered at another place; or -1. */
  #enter(lowest: number, page: Vpn): number {
    const { top, tables } = this.#walker;
    for (let level = top; level >= lowest; level--) {
      const frame = tables[level] as number;
      const place = Math.floor(page / 512 ** (level + 1));
      if (frame === this.#entered[level] && place === this.#places[level]) continue;
      this.#entered[level] = frame;
      this.#places[level] = place;
      if (!this.#seen.add(frame) || (this.#shares && level === 1)) continue;
      // If another range begins in this table, it is repeated too.
      this.#entered.fill(-1, 0, level + 1);
      return level;
    }
    return -1;
  }
}
