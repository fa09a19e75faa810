// SPDX-License-Identifier: Apache-2.0
import type { Pfn } from '../core/address.js';
import type { Advice } from '../core/advice.js';
import type { FrameGap } from '../core/memory.js';
import type { Reason, State } from '../core/outcome.js';

/** The states of a translation, and `missing`: a frame of which the dump has no bytes. */
export type SpaceState = State | 'missing';
export type SpaceReason = Reason | FrameGap['reason'];

/** The place of a page in swap. */
export interface SwapPlace {
  /** Number of the swap area. */
  readonly type: number;
  /** Offset from its start, in pages. */
  readonly offset: number;
  /** Path of its device or file; null if it can't be read. */
  readonly device: string | null;
}

/**
 * Contiguous pages with the same answer. `frame` and `swap` are those of the first page, and increase by one from page
 * to page; `message` is about the first page. A single answer is a run of one page.
 */
export interface Run<S extends SpaceState = SpaceState, R extends SpaceReason = SpaceReason> {
  /** Page number of the first page in the space. */
  readonly page: number;
  /** Number of pages. */
  readonly pages: number;
  readonly state: S;
  /** Null only if `mapped`. */
  readonly reason: R | null;
  /**
   * The machine's frame that contains the page: if `mapped`, the one that it is mapped to; otherwise the one in a cache of the
   * kernel (page cache, swap cache), or in the page's entry. Null if there is none.
   */
  readonly frame: Pfn | null;
  /** Bytes that the leaf entry maps; null unless a page table maps the page. */
  readonly pageSize: number | null;
  /** Whether the leaf entry is PROT_NONE: the page is in memory, but marked not present. */
  readonly protNone: boolean;
  /** Null unless the page has been swapped out. */
  readonly swap: SwapPlace | null;
  /** The reason as a text for people, made when it is read; null if `mapped`. */
  readonly message: string | null;
}

/** Why there are no bytes of a page: the reason of the answer, or for a mapped page that of the dump. */
export interface Gap extends Advice {
  readonly reason: SpaceReason;
  readonly message: string;
}

export const isGap = (bytes: DataView | Gap): bytes is Gap => !(bytes instanceof DataView);

/**
 * Pages of 4096 bytes by number: physical memory, or the memory of a process or a guest. `runs` and `page` give the
 * same answer for each page.
 *
 *     for (const run of space.runs(first, end)) total += run.pages;
 *
 * Runs and answers are objects that are reused; `kept` makes a copy. In a damaged dump each page of a range can be a
 * run of its own, so callers should limit the range, to a memslot or a mapping, and can stop after any run.
 */
export interface AddressSpace<A extends Run = Run> {
  /** For messages. */
  readonly name: string;
  /** The first page from which on no page has bytes. */
  readonly limit: number;
  /**
   * The pages `first` to `end` - 1 as the fewest possible runs, ascending. Each page is in exactly one run; the first
   * and the last run are cut at the ends of the range.
   */
  runs(first: number, end: number): RunCursor<A>;
  /** The answer for one page; valid until the next call. */
  page(page: number): A;
  /**
   * The page's 4096 bytes, or why there are none. The bytes stay valid and must not be changed. The last answer of
   * `page` stays valid, too.
   */
  bytes(page: number): DataView | Gap;
}

/** The runs of a range. A single object, `run`, is used for all of them: each step sets it to the next one. */
export abstract class RunCursor<R extends Run> implements IterableIterator<R, undefined> {
  readonly #more: IteratorYieldResult<R>;

  constructor(readonly run: R) {
    this.#more = { done: false, value: run };
  }

  /** Sets `run` to the next run; false after the last one. */
  abstract advance(): boolean;

  next(): IteratorResult<R, undefined> {
    return this.advance() ? this.#more : DONE;
  }

  [Symbol.iterator](): this {
    return this;
  }
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** A copy of a run or an answer, which is not reused. */
export function kept<S extends SpaceState, R extends SpaceReason>(run: Run<S, R>): Run<S, R> {
  const { page, pages, state, reason, frame, pageSize, protNone, swap, message } = run;
  return { page, pages, state, reason, frame, pageSize, protNone, swap, message };
}
