// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, type Pfn, type Vpn } from '../core/address.js';
import type { FrameSource } from '../core/memory.js';
import { EnteredTables } from './entered-tables.js';
import { endAt, leafFrame, Walk } from './entry.js';
import { type PagingForm, PRESENT } from './form.js';
import { PageWalker } from './walker.js';

/** Value of `entryAddress` if the top table is missing: no entry was read. */
export const NO_ENTRY = -1;

/**
 * Walks a range of pages and reports leaves and whole gaps as runs at the level where they are found, in ascending
 * order. Each page of the range is in exactly one run. An empty PGD entry is one run of 2^27 pages; a missing table is
 * one run of all pages that it covers. The first and the last run are cut at the ends of the range. A run has the same
 * result as `PageWalker.walk` for each of its pages.
 *
 * An object can be used for many ranges and does not allocate: the fields are those of a run until the next one is
 * read.
 *
 *     for (runs.over(root, from, to); runs.next(); ) total += runs.pages;
 *
 * A table is fetched once each time the range enters it. Tables that are damaged, or that a hostile guest made, can point to
 * each other in a loop: 2^36 leaves from a few frames. A range that enters tables again and again throws a `DumpError`.
 *
 * Exceptions of the `FrameSource` pass through; calling the same method again resumes at the same page.
 */
export class PageRuns {
  first = 0 as Vpn;
  /** Number of pages. */
  pages = 0;
  status: Walk = Walk.Empty;
  /** Mapped: frame of the first page. TableMissing: frame of the missing table. Else: frame of the entry's table. */
  frame = 0 as Pfn;
  /** Level of the entry, or of the missing table; 0 is the PTE. */
  level = 0;
  /** Whether the run is mapped by a leaf that is PROT_NONE, or that is being split. */
  protNone = false;
  /** The raw entry at which the walk ended, or that points to the missing table; 0 if there is none. */
  lo = 0;
  hi = 0;
  /** Physical address of that entry, in bytes; `NO_ENTRY` if there is none. */
  entryAddress = NO_ENTRY;

  readonly #form: PagingForm;
  readonly #walker: PageWalker;
  readonly #entered: EnteredTables;
  #root = 0 as Pfn;
  #to = 0;
  /** The PTE table in which the run ends, its frame, and the range of the entries that follow the run. */
  #table: DataView | null = null;
  #tableFrame = 0 as Pfn;
  #index = 0;
  #stop = 0;
  /** Whether the last call threw an exception before it found the end of the stretch. */
  #isOpen = false;

  constructor(memory: FrameSource, form: PagingForm) {
    this.#form = form;
    this.#walker = new PageWalker(memory, form);
    this.#entered = new EnteredTables(this.#walker);
  }

  /**
   * Starts a range: the pages `from` to `to` - 1, in the tables whose top table is the frame `root`. Bits of a page
   * number above those that the tables resolve are ignored, as in `PageWalker.walk`.
   */
  over(root: Pfn, from: Vpn, to: Vpn): this {
    this.#root = root;
    this.first = from;
    this.pages = 0;
    this.#to = to;
    this.#index = 0;
    this.#stop = 0;
    this.#isOpen = false;
    this.#entered.clear();
    return this;
  }

  /** Moves to the next run: the pages of one entry or of one missing table. False after the last run. */
  next(): boolean {
    const index = this.#index;
    if (index === this.#stop) return this.#walk();
    this.#begin(this.#table as DataView, index);
    return true;
  }

  /**
   * Moves to the next run like `next`, but joins runs as far as possible. Leaves of one level with consecutive frames,
   * all of them PROT_NONE or none, are one run; so are empty entries, across tables and levels. Any other entry and
   * each missing table is a run of its own, because only the caller knows which of them belong together (offsets in
   * swap, reasons). `level`, `lo`, `hi` and `entryAddress` are those of the first entry. A call reads to the end of its
   * run, however long it is.
   */
  nextStretch(): boolean {
    if (!this.#isOpen && !this.next()) return false;
    const isStretch = this.status === Walk.Mapped || this.status === Walk.Empty;
    if (isStretch && this.#takeTable()) {
      this.#isOpen = true;
      while (this.#takeWalk() && this.#takeTable());
      this.#isOpen = false;
    }
    return true;
  }

  /** Starts a run with the next entry of the PTE table. */
  #begin(table: DataView, index: number): void {
    const lo = table.getInt32(index * 8, true);
    const hi = table.getInt32(index * 8 + 4, true);
    const status = endAt(0, lo, hi) as Walk;
    const isMapped = status === Walk.Mapped;
    this.#index = index + 1;
    this.first = (this.first + this.pages) as Vpn;
    this.pages = 1;
    this.status = status;
    this.frame = isMapped ? (leafFrame(0, lo, hi, this.#form) as Pfn) : this.#tableFrame;
    this.level = 0;
    this.protNone = isMapped && (lo & PRESENT) === 0;
    this.lo = lo >>> 0;
    this.hi = hi >>> 0;
    this.entryAddress = this.#tableFrame * 4096 + index * 8;
  }

  /** Moves to the next run by a walk from the top table. */
  #walk(): boolean {
    const page = (this.first + this.pages) as Vpn;
    if (page >= this.#to) return false;
    const walker = this.#walker;
    const status = walker.walk(this.#root, page);
    const level = status === Walk.TableMissing ? walker.level + 1 : walker.level;
    this.#entered.note(level, page);
    const isEntry = level <= walker.top;
    this.first = page;
    this.pages = this.#enter(level, page);
    this.status = status;
    this.frame = walker.frame;
    this.level = walker.level;
    this.protNone = status === Walk.Mapped && walker.protNone;
    this.lo = isEntry ? (walker.lo[level] as number) : 0;
    this.hi = isEntry ? (walker.hi[level] as number) : 0;
    this.entryAddress = isEntry ? walker.entryAddress(level, page) : NO_ENTRY;
    return true;
  }

  /**
   * Number of pages that an entry of a level maps, from `page` on. Remembers the rest of a PTE table, which then needs
   * no walk.
   */
  #enter(level: number, page: Vpn): number {
    if (level > 0) {
      const size = 512 ** level;
      return Math.min(size - (page % size), this.#to - page);
    }
    // Exact for any page number: only the low bits matter.
    const index = page & 511;
    this.#table = this.#walker.view(0);
    this.#tableFrame = this.#walker.tables[0] as Pfn;
    this.#index = index + 1;
    this.#stop = Math.min(512, index + this.#to - page);
    return 1;
  }

  /** Adds the entries of the PTE table that continue the run, a gap or 4 KiB pages; false if one of them does not. */
  #takeTable(): boolean {
    const table = this.#table as DataView;
    const from = this.#index;
    const index = this.status === Walk.Empty ? emptyUpTo(table, from, this.#stop) : this.#mappedUpTo(table, from);
    if (index > from) {
      this.pages += index - from;
      this.#index = index;
    }
    return index === this.#stop;
  }

  /** The first entry from `from` on that does not continue the run, which ends at the entry before. */
  #mappedUpTo(table: DataView, from: number): number {
    const shift = this.frame + this.pages - from;
    for (let index = from; index < this.#stop; index++) {
      index = sameUpTo(table, index, this.#stop);
      if (index === this.#stop || !this.#isMapped(lower(table, index), upper(table, index), shift + index))
        return index;
    }
    return this.#stop;
  }

  /** Whether an entry of a PTE table maps a frame as the run maps its frames. */
  #isMapped(lo: number, hi: number, frame: number): boolean {
    return (
      leafFrame(0, lo, hi, this.#form) === frame &&
      this.protNone === ((lo & PRESENT) === 0) &&
      endAt(0, lo, hi) === Walk.Mapped
    );
  }

  /** Walks to the next page, and adds what it finds if it continues the run; else returns false. */
  #takeWalk(): boolean {
    const page = (this.first + this.pages) as Vpn;
    if (page >= this.#to) return false;
    const walker = this.#walker;
    const status = walker.walk(this.#root, page);
    if (!this.#continues(status, walker.level, walker.frame, walker.protNone)) return false;
    this.#entered.note(walker.level, page);
    this.pages += this.#enter(walker.level, page);
    return true;
  }

  #continues(status: Walk, level: number, frame: number, protNone: boolean): boolean {
    if (status !== this.status) return false;
    if (status === Walk.Empty) return true;
    return frame === this.frame + this.pages && level === this.level && protNone === this.protNone;
  }
}

const lower = (table: DataView, index: number): number => table.getInt32(index * 8, true);
const upper = (table: DataView, index: number): number => table.getInt32(index * 8 + 4, true);

/**
 * The first entry from `from` on that is not the one before plus a page, as are most that continue a run. This does not hold
 * for entries that are not present, which can have their frame inverted, nor where the lower half carries to the upper one.
 */
function sameUpTo(table: DataView, from: number, stop: number): number {
  const [lo, hi] = [lower(table, from - 1), upper(table, from - 1)];
  if ((lo & PRESENT) === 0) return from;
  const end = Math.min(stop, from + Math.floor((2 ** 32 - 1 - (lo >>> 0)) / PAGE_SIZE));
  let index = from;
  for (let next = lo; index < end; index++) {
    next = (next + PAGE_SIZE) | 0;
    if (lower(table, index) !== next || upper(table, index) !== hi) break;
  }
  return index;
}

function emptyUpTo(table: DataView, from: number, stop: number): number {
  let index = from;
  while (index < stop && isEmpty(lower(table, index), upper(table, index))) index++;
  return index;
}

const isEmpty = (lo: number, hi: number): boolean => endAt(0, lo, hi) === Walk.Empty;
