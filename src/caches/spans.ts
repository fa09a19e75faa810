// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { Memory } from '../core/memory.js';
import { type XaEntry, type XaNodeFields, xarrayEntries } from '../kernel/containers/xarray.js';

/** Indices of an array, `first` to `last`, with the same entry, or whose entries can't be read. */
export interface Span {
  readonly first: number;
  readonly last: number;
  /** Null if they can't be read. */
  readonly entry: bigint | null;
  /** 2^order indices have the entry; null if that is not known. */
  readonly order: number | null;
  /** Why they can't be read. */
  readonly why: string;
}

/** Highest index: page numbers in a file, and offsets in swap, are below this. */
const HIGHEST = 2 ** 52;
/** Most entries that are passed over one by one to reach an index; beyond, a new walk is cheaper. */
const MOST_PASSED = 64;

/** Finds entries of an XArray or a radix tree. Ascending indices that are near each other share one walk. */
export class Spans {
  readonly #memory: Memory;
  readonly #at: XaNodeFields;
  readonly #head: () => bigint;
  #walk: Generator<Span, undefined> | null = null;
  /** The span at or after `#index`; null after the last one. */
  #next: Span | null = null;
  #index = 0;

  /** `head`: reads the value of xa_head. */
  constructor(memory: Memory, at: XaNodeFields, head: () => bigint) {
    this.#memory = memory;
    this.#at = at;
    this.#head = head;
  }

  /** The first span that has an index, or one above it; null if there is none. Throws `DumpError` if the head can't be read. */
  from(index: number): Span | null {
    if (this.#walk === null || index < this.#index || !this.#passTo(this.#walk, index)) {
      this.#walk = spans(this.#memory, this.#at, this.#head(), index);
      this.#next = this.#walk.next().value ?? null;
    }
    this.#index = index;
    return this.#next;
  }

  #passTo(walk: Generator<Span, undefined>, index: number): boolean {
    for (let passed = 0; this.#next !== null && this.#next.last < index; passed++) {
      if (passed === MOST_PASSED) return false;
      this.#next = walk.next().value ?? null;
    }
    return true;
  }
}

const cut = (index: bigint): number => Number(index < BigInt(HIGHEST) ? index : BigInt(HIGHEST));

function* spans(memory: Memory, at: XaNodeFields, head: bigint, from: number): Generator<Span, undefined> {
  const lost: Span[] = [];
  const lose = (first: bigint, last: bigint, { message }: DumpError): void => {
    lost.push({ first: cut(first), last: cut(last), entry: null, order: null, why: message });
  };
  let next = BigInt(from);
  try {
    for (const entry of xarrayEntries(memory, at, head, next, BigInt(HIGHEST), lose)) {
      yield* lost.splice(0);
      yield spanOf(entry);
      next = entry.last + 1n;
    }
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    lose(next, BigInt(HIGHEST), error);
  }
  yield* lost;
}

const spanOf = ({ index, last, order, entry }: XaEntry): Span => ({
  first: cut(index),
  last: cut(last),
  entry,
  order,
  why: '',
});
