// SPDX-License-Identifier: Apache-2.0
import type { Pfn, Vpn } from '../core/address.js';
import type { FrameSource } from '../core/memory.js';
import { endAt, leafFrame, Walk } from './entry.js';
import { type PagingForm, PRESENT } from './form.js';
import { PageWalker } from './walker.js';

/** `entryAddress` where the top table is missing: no entry was read. */
export const NO_ENTRY = -1;

/**
 * The range form of `PageWalker`: leaves and whole gaps of an address space at the level where they are found, in
 * ascending order, every page of the range in one run. An empty PGD entry is one run of 2^27 pages, a missing table one
 * run of all pages that it is for. The first and the last run are cut at the ends of the range. A run says of each of
 * its pages what `walk` says of it.
 *
 * One object serves many ranges and allocates nothing for a run: it stands in the fields until the next is asked for.
 *
 *     for (runs.over(root, from, to); runs.next(); ) total += runs.pages;
 *
 * A table is fetched once each time that the range enters it. A range costs at most one entry for each of its pages, and
 * damaged tables that lead to each other in circles can make it cost that: 2^36 leaves out of a few frames. So the caller
 * bounds the range, to a memslot or a mapping, and can stop after any run.
 *
 * An exception of the `FrameSource` passes through; the same method then tries again from where it was.
 */
export class PageRuns {
  first = 0 as Vpn;
  /** Number of pages. */
  pages = 0;
  status: Walk = Walk.Empty;
  /** Mapped: the first page's frame. TableMissing: that of the missing table. Otherwise: that of the entry's table. */
  frame = 0 as Pfn;
  /** As in `PageWalker`: level of the entry, or of the missing table. */
  level = 0;
  /** Mapped by a leaf that is PROT_NONE (or being split). */
  protNone = false;
  /** The raw entry: where the walk ended, or the one that leads to the missing table; 0 where there is none. */
  lo = 0;
  hi = 0;
  /** Physical address of that entry in bytes, or `NO_ENTRY`. */
  entryAddress = NO_ENTRY;

  readonly #form: PagingForm;
  readonly #walker: PageWalker;
  #root = 0 as Pfn;
  #to = 0;
  /** The PTE table in which the run ends, its frame, and which of its entries come next. */
  #table: DataView | null = null;
  #tableFrame = 0 as Pfn;
  #index = 0;
  #stop = 0;
  /** An exception came before the end of the stretch was found. */
  #isOpen = false;

  constructor(memory: FrameSource, form: PagingForm) {
    this.#form = form;
    this.#walker = new PageWalker(memory, form);
  }

  /**
   * Begins a range, the pages from `from` to `to` - 1, in the tables below the frame `root`. Bits of a page number above
   * those that the tables resolve are ignored, as in `walk`.
   */
  over(root: Pfn, from: Vpn, to: Vpn): this {
    this.#root = root;
    this.first = from;
    this.pages = 0;
    this.#to = to;
    this.#index = 0;
    this.#stop = 0;
    this.#isOpen = false;
    return this;
  }

  /** Moves to the next run, the pages of one entry or of one missing table; false after the last one. */
  next(): boolean {
    const index = this.#index;
    if (index === this.#stop) return this.#walk();
    this.#begin(this.#table as DataView, index);
    return true;
  }

  /**
   * The same in longest stretches: leaves of one level, PROT_NONE or not, whose frames follow each other are one run; so
   * are empty entries, across tables and levels. Any other entry and each missing table stays a run of its own, because
   * what follows what there (offsets in swap, reasons) is for the layer above to say. `level`, `lo`, `hi` and
   * `entryAddress` are the first entry's. A call reads to the end of its stretch, whatever its length.
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

  /** Makes the next entry of the PTE table the run. */
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

  /** The run at a page for which the tables have to be walked. */
  #walk(): boolean {
    const page = (this.first + this.pages) as Vpn;
    if (page >= this.#to) return false;
    const walker = this.#walker;
    const status = walker.walk(this.#root, page);
    const level = status === Walk.TableMissing ? walker.level + 1 : walker.level;
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

  /** Pages that an entry of a level is for, from `page` on. What follows in a PTE table needs no walk. */
  #enter(level: number, page: Vpn): number {
    if (level > 0) {
      const size = 512 ** level;
      return Math.min(size - (page % size), this.#to - page);
    }
    // The low bits of any page number, as an integer.
    const index = page & 511;
    this.#table = this.#walker.view(0);
    this.#tableFrame = this.#walker.tables[0] as Pfn;
    this.#index = index + 1;
    this.#stop = Math.min(512, index + this.#to - page);
    return 1;
  }

  /** Takes the entries of the PTE table that continue the run, a gap or pages of 4 KiB; false where one does not. */
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

  #mappedUpTo(table: DataView, from: number): number {
    const form = this.#form;
    const stop = this.#stop;
    const { protNone } = this;
    let index = from;
    for (let frame = this.frame + this.pages; index < stop; index++, frame++) {
      const lo = table.getInt32(index * 8, true);
      const hi = table.getInt32(index * 8 + 4, true);
      // What differs most often comes first.
      if (leafFrame(0, lo, hi, form) !== frame || protNone !== ((lo & PRESENT) === 0)) break;
      if (endAt(0, lo, hi) !== Walk.Mapped) break;
    }
    return index;
  }

  /** Takes what a walk of the next page finds, where it continues the run. */
  #takeWalk(): boolean {
    const page = (this.first + this.pages) as Vpn;
    if (page >= this.#to) return false;
    const walker = this.#walker;
    const status = walker.walk(this.#root, page);
    if (!this.#continues(status, walker.level, walker.frame, walker.protNone)) return false;
    this.pages += this.#enter(walker.level, page);
    return true;
  }

  #continues(status: Walk, level: number, frame: number, protNone: boolean): boolean {
    if (status !== this.status) return false;
    if (status === Walk.Empty) return true;
    return frame === this.frame + this.pages && level === this.level && protNone === this.protNone;
  }
}

function emptyUpTo(table: DataView, from: number, stop: number): number {
  let index = from;
  while (index < stop && isEmpty(table.getInt32(index * 8, true), table.getInt32(index * 8 + 4, true))) index++;
  return index;
}

const isEmpty = (lo: number, hi: number): boolean => endAt(0, lo, hi) === Walk.Empty;
