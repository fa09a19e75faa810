// SPDX-License-Identifier: Apache-2.0
import type { Pfn } from '../core/address.js';
import type { Advice } from '../core/advice.js';
import type { FrameGap } from '../core/memory.js';
import type { Reason, State } from '../core/outcome.js';

/** States of the main job; `missing` is a frame of which the dump has no bytes. */
export type SpaceState = State | 'missing';
export type SpaceReason = Reason | FrameGap['reason'];

/** Where in swap a page is. */
export interface SwapPlace {
  /** Number of the swap area. */
  readonly type: number;
  /** Pages from its start. */
  readonly offset: number;
  /** Path of its device or file; null where it can't be read. */
  readonly device: string | null;
}

/**
 * Pages that follow each other and have the same answer. `frame` and `swap` are those of the first page, and count up
 * from page to page; `message` is about the first page. A single answer is a run of one page.
 */
export interface Run<S extends SpaceState = SpaceState, R extends SpaceReason = SpaceReason> {
  /** First page, as the space counts its pages. */
  readonly page: number;
  /** Number of pages. */
  readonly pages: number;
  readonly state: S;
  /** Null for `mapped` alone. */
  readonly reason: R | null;
  /** `mapped`: the machine's frame that holds the page. Otherwise the one that the entry names, if any. */
  readonly frame: Pfn | null;
  /** Bytes that a leaf of the page table maps; null unless `mapped` by one. */
  readonly pageSize: number | null;
  /** The leaf is PROT_NONE: the page is in memory, marked not present. */
  readonly protNone: boolean;
  /** Null unless `swapped`. */
  readonly swap: SwapPlace | null;
  /** The reason for people, made when it is asked for; null for `mapped`. */
  readonly message: string | null;
}

/** Why there are no bytes of a page: the answer's reason, or the dump's where the page is mapped. */
export interface Gap extends Advice {
  readonly reason: SpaceReason;
  readonly message: string;
}

export const isGap = (bytes: DataView | Gap): bytes is Gap => !(bytes instanceof DataView);

/**
 * Pages of 4096 bytes by number: physical memory, a process's memory, a guest's. `runs` and `page` agree in each page.
 *
 *     for (const run of space.runs(first, end)) total += run.pages;
 *
 * Runs and answers are objects that are used again: `kept` makes a copy. A range of a damaged dump can have a run for each
 * of its pages, so the caller bounds it, to a memslot or a mapping, and can stop after any run.
 */
export interface AddressSpace<A extends Run = Run> {
  /** For people. */
  readonly name: string;
  /** No page from here on has bytes. */
  readonly limit: number;
  /**
   * The pages from `first` to `end` - 1 as the fewest runs: ascending, each page in one. The first and the last are cut at
   * the ends of the range.
   */
  runs(first: number, end: number): RunCursor<A>;
  /** The answer for one page; valid until the next call. */
  page(page: number): A;
  /** The page's 4096 bytes, valid for good and not to be changed, or why there are none. It leaves the answer of `page`. */
  bytes(page: number): DataView | Gap;
}

/** The runs of a range. One object, `run`, serves all of them: it is the next one after each step. */
export abstract class RunCursor<R extends Run> implements IterableIterator<R, undefined> {
  readonly #more: IteratorYieldResult<R>;

  constructor(readonly run: R) {
    this.#more = { done: false, value: run };
  }

  /** Makes `run` the next run; false after the last one. */
  abstract advance(): boolean;

  next(): IteratorResult<R, undefined> {
    return this.advance() ? this.#more : DONE;
  }

  [Symbol.iterator](): this {
    return this;
  }
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** A run, or an answer, to keep. */
export function kept<S extends SpaceState, R extends SpaceReason>(run: Run<S, R>): Run<S, R> {
  const { page, pages, state, reason, frame, pageSize, protNone, swap, message } = run;
  return { page, pages, state, reason, frame, pageSize, protNone, swap, message };
}
