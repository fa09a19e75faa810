// SPDX-License-Identifier: Apache-2.0
// The runs of the map, by block. A block is decoded when one of its pages is asked for.
import { lowerBound } from '../core/search.js';
import type { PageClass } from '../html/format.js';
import { Integers } from './bytes.js';

/** A block, whose texts are read when they are needed. */
export interface BlockSource {
  readonly first: number;
  readonly pages: number;
  readonly states: () => Uint8Array;
  /** No bytes if there are no places; null while the browser has not read them. */
  readonly places: () => Uint8Array | null;
}

/** A run that holds a page. */
export interface FoundRun {
  /** First guest frame. */
  readonly first: number;
  readonly pages: number;
  /** Number of its class. */
  readonly class: number;
  /** Place of its first page; null if its class has none, or if the page lacks it, or has not been read so far. */
  readonly place: number | null;
}

/** The runs of a decoded block, ascending. */
export class DecodedRuns {
  readonly #firsts: Float64Array;
  readonly #ends: Float64Array;
  readonly #classes: Uint16Array;
  readonly #places: Float64Array;

  constructor(
    readonly count: number,
    { firsts, ends, classes, places }: RunColumns,
  ) {
    this.#firsts = firsts.subarray(0, count);
    this.#ends = ends.subarray(0, count);
    this.#classes = classes.subarray(0, count);
    this.#places = places.subarray(0, count);
  }

  /** The run with this index. */
  run(index: number): FoundRun {
    const first = this.#firsts[index] as number;
    const place = this.#places[index] as number;
    return {
      first,
      pages: (this.#ends[index] as number) - first,
      class: this.#classes[index] as number,
      place: Number.isNaN(place) ? null : place,
    };
  }

  /** Index of the run that holds a page of the block. */
  indexOf(page: number): number {
    return lowerBound(this.count - 1, (i) => (this.#ends[i] as number) > page);
  }

  /** Calls `take` with each run that holds place `place`, of a class for which `is` is true. */
  holding(place: number, is: (number: number) => boolean, take: (run: FoundRun) => void): void {
    for (let i = 0; i < this.count; i++) {
      const from = this.#places[i] as number;
      // False for NaN.
      if (place < from || !(place < from + (this.#ends[i] as number) - (this.#firsts[i] as number))) continue;
      if (is(this.#classes[i] as number)) take(this.run(i));
    }
  }
}

interface RunColumns {
  readonly firsts: Float64Array;
  readonly ends: Float64Array;
  readonly classes: Uint16Array;
  readonly places: Float64Array;
}

/** Decodes the runs of a block. */
export function decode(
  first: number,
  states: Uint8Array,
  places: Uint8Array,
  classes: readonly PageClass[],
): DecodedRuns {
  const [stretches, runs] = [new Integers(states), new Integers(places)];
  const columns = new Columns();
  const hasPlaces = places.length > 0;
  let at = first;
  let expected = 0;
  while (!stretches.isAtEnd) {
    const number = stretches.next();
    const end = at + stretches.next();
    if (!hasPlaces || classes[number]?.place == null) at = columns.add(at, end, number, NaN);
    while (at < end) {
      const pages = runs.next();
      const place = expected + runs.nextSigned();
      expected = place + pages;
      at = columns.add(at, at + pages, number, place);
    }
  }
  return new DecodedRuns(columns.count, columns);
}

/** Columns that grow. */
class Columns implements RunColumns {
  count = 0;
  firsts = new Float64Array(1024);
  ends = new Float64Array(1024);
  classes = new Uint16Array(1024);
  places = new Float64Array(1024);

  add(first: number, end: number, number: number, place: number): number {
    if (this.count === this.firsts.length) this.#grow();
    this.firsts[this.count] = first;
    this.ends[this.count] = end;
    this.classes[this.count] = number;
    this.places[this.count++] = place;
    return end;
  }

  #grow(): void {
    const size = this.count * 2;
    const { firsts, ends, classes, places } = this;
    this.firsts = new Float64Array(size);
    this.firsts.set(firsts);
    this.ends = new Float64Array(size);
    this.ends.set(ends);
    this.classes = new Uint16Array(size);
    this.classes.set(classes);
    this.places = new Float64Array(size);
    this.places.set(places);
  }
}

/** Decoded blocks that are kept. One has up to 131,072 runs of 26 bytes. */
const KEPT = 32;
const NO_PLACES = new Uint8Array(0);

/** All runs of a map. */
export class Runs {
  readonly #decoded = new Map<number, DecodedRuns>();

  constructor(
    readonly blocks: readonly BlockSource[],
    readonly classes: readonly PageClass[],
  ) {}

  /** The run that holds a page; null outside of the map. */
  find(page: number): FoundRun | null {
    const index = this.#blockOf(page);
    if (index === null) return null;
    const runs = this.#load(index);
    return runs.run(runs.indexOf(page));
  }

  /** The runs of a block, which are not kept; null while the browser has not read it. */
  read(index: number): DecodedRuns | null {
    const { first, states, places } = this.blocks[index] as BlockSource;
    const found = places();
    return found === null ? null : decode(first, states(), found, this.classes);
  }

  #blockOf(page: number): number | null {
    const { blocks } = this;
    const index = lowerBound(blocks.length, (i) => (blocks[i] as BlockSource).first > page) - 1;
    const found = blocks[index];
    return found === undefined || page >= found.first + found.pages ? null : index;
  }

  #load(index: number): DecodedRuns {
    const runs = this.#decoded.get(index) ?? this.read(index);
    if (runs === null) {
      const { first, states } = this.blocks[index] as BlockSource;
      return decode(first, states(), NO_PLACES, this.classes);
    }
    // The map is in the order of use.
    this.#decoded.delete(index);
    this.#decoded.set(index, runs);
    const [oldest] = this.#decoded.keys();
    if (this.#decoded.size > KEPT && oldest !== undefined) this.#decoded.delete(oldest);
    return runs;
  }
}
