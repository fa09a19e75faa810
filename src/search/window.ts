// SPDX-License-Identifier: Apache-2.0
import type { Finder } from './finder.js';

/** A match: the address of its first byte as a page number and an offset, and its first bytes. */
export interface Match {
  readonly page: number;
  readonly offset: number;
  readonly length: number;
  /** At most `SHOWN` bytes. */
  readonly bytes: Uint8Array;
}

const PAGE_SIZE = 4096;
/** Bytes of a match that are kept to be shown. */
export const SHOWN = 32;
/** Most bytes that are added before the next search. */
const MOST_ADDED = 0x10000;
/** Bytes before the first one that is searched: a regular expression may look at the one before a match. */
const CONTEXT = 1;

/**
 * Searches bytes that arrive in pieces. Those that follow each other are searched as one: a match can be in several pieces,
 * and is found once.
 */
export class Window {
  readonly #finder: Finder;
  readonly #buffer: Buffer;
  /** Number of bytes in the buffer, and the page of its first one, with the offset there. */
  #fill = 0;
  #page = 0;
  #offset = 0;
  /** Where the search continues. */
  #from = 0;

  constructor(finder: Finder) {
    this.#finder = finder;
    this.#buffer = Buffer.alloc(finder.step + finder.longest + MOST_ADDED + CONTEXT);
  }

  /** Adds bytes that follow those added last, or begin a stretch if `end` was called; returns what was found. */
  *add(page: number, offset: number, bytes: Uint8Array): Generator<Match, undefined> {
    for (let done = 0; done < bytes.length; done += MOST_ADDED) {
      const at = offset + done;
      yield* this.#add(page + Math.floor(at / PAGE_SIZE), at % PAGE_SIZE, bytes.subarray(done, done + MOST_ADDED));
    }
  }

  *#add(page: number, offset: number, bytes: Uint8Array): Generator<Match, undefined> {
    if (this.#fill === 0) [this.#page, this.#offset] = [page, offset];
    this.#buffer.set(bytes, this.#fill);
    this.#fill += bytes.length;
    const { step, longest } = this.#finder;
    if (this.#fill < step + longest) return;
    // A match that begins here may not be whole yet, or a regular expression may look at the byte after it.
    const end = this.#fill - longest;
    yield* this.#search(end);
    this.#drop(Math.max(0, Math.min(this.#from, end) - CONTEXT));
  }

  /** Ends a stretch: what is added next does not follow. */
  *end(): Generator<Match, undefined> {
    yield* this.#search(this.#fill);
    [this.#fill, this.#from] = [0, 0];
  }

  *#search(end: number): Generator<Match, undefined> {
    const { overlaps } = this.#finder;
    let from = Math.max(this.#from, 0);
    for (const { start, length } of this.#finder.find(this.#buffer.subarray(0, this.#fill), from, end)) {
      from = overlaps ? start + 1 : start + length;
      const at = this.#offset + start;
      const bytes = Uint8Array.prototype.slice.call(this.#buffer, start, start + Math.min(length, SHOWN));
      yield { page: this.#page + Math.floor(at / PAGE_SIZE), offset: at % PAGE_SIZE, length, bytes };
    }
    this.#from = Math.max(from, end);
  }

  /** Drops the first bytes of the buffer. */
  #drop(count: number): void {
    this.#buffer.copyWithin(0, count, this.#fill);
    const at = this.#offset + count;
    this.#page += Math.floor(at / PAGE_SIZE);
    this.#offset = at % PAGE_SIZE;
    this.#fill -= count;
    this.#from -= count;
  }
}
