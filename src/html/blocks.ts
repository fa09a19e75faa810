// SPDX-License-Identifier: Apache-2.0
// Encodes runs as the blocks of format.ts, with memory for one block at a time.
import { deflateRawSync } from 'node:zlib';
import { Bytes } from './bytes.js';
import { Classes, firstPlace, type PictureRun } from './classes.js';
import { CoarseStates } from './coarse.js';
import { type Extent, NOWHERE, type PageClass } from './format.js';

/** Some runs that follow each other, encoded and compressed. */
export interface Block {
  /** First guest frame. */
  readonly first: number;
  /** Pages, with those between memslots. */
  readonly pages: number;
  readonly states: Uint8Array;
  /** Empty if there are no places, or if they were left out. */
  readonly places: Uint8Array;
}

/** How much of the detail a page may have, in compressed bytes; what exceeds it is left out. */
export interface Limits {
  /** From there on, states are one for each tile. */
  readonly states: number;
  /** From there on, there are no places. */
  readonly places: number;
}

/** Runs and stretches after which a block ends. The page decodes whole blocks to show one address. */
const BLOCK_RUNS = 0x10000;

/** Encodes the runs of a map. */
export class Encoder {
  readonly #classes = new Classes();
  readonly extents: Extent[] = [];
  /** Runs that were added. */
  runs = 0;
  /** First guest frame whose place was left out; null if none was. */
  placesEnd: number | null = null;
  /** First guest frame whose state was left out where a tile has several; null if none was. */
  statesEnd: number | null = null;
  readonly #limits: Limits;
  readonly #states = new Bytes();
  readonly #places = new Bytes();
  #coarse: CoarseStates | null = null;
  /** Class and pages of the stretch that is not written yet. */
  #class = NOWHERE;
  #stretch = 0;
  /** Place that would continue the last run. */
  #expected = 0;
  #inBlock = 0;
  /** First frame of the block, and the one after its last. */
  #first = 0;
  #end = 0;
  #spent = { states: 0, places: 0 };

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** The classes of the runs so far. */
  get classes(): readonly PageClass[] {
    return this.#classes.all;
  }

  /** Encodes ascending runs of which none overlap. An object may be used for all runs. */
  *blocks(runs: Iterable<PictureRun>): Generator<Block> {
    for (const run of runs) {
      if (this.#inBlock >= BLOCK_RUNS) yield this.#block();
      this.#add(run);
    }
    if (this.#end > this.#first) yield this.#block();
  }

  #add(run: PictureRun): void {
    const { first, pages } = run;
    if (this.runs++ === 0) this.#first = this.#end = first;
    if (first > this.#end) this.#put(NOWHERE, first - this.#end);
    const number = this.#classes.of(run);
    const isExact = this.#coarse === null;
    this.#put(number, pages);
    if (isExact && this.placesEnd === null && this.#classes.all[number]?.place !== null) this.#place(run);
    this.#end = first + pages;
    this.#extend(first, pages);
  }

  #put(number: number, pages: number): void {
    if (this.#coarse !== null) this.#coarse.add(number, pages);
    else this.#exact(number, pages);
  }

  #exact(number: number, pages: number): void {
    if (number !== this.#class) this.#flush();
    this.#class = number;
    this.#stretch += pages;
  }

  #flush(): void {
    if (this.#stretch === 0) return;
    this.#states.put(this.#class);
    this.#states.put(this.#stretch);
    this.#stretch = 0;
    this.#inBlock++;
  }

  #place(run: PictureRun): void {
    const place = firstPlace(run);
    this.#places.put(run.pages);
    this.#places.putSigned(place - this.#expected);
    this.#expected = place + run.pages;
    this.#inBlock++;
  }

  #block(): Block {
    this.#coarse?.flush();
    this.#flush();
    const states = deflateRawSync(this.#states.take());
    const places = this.#places.length === 0 ? new Uint8Array(0) : deflateRawSync(this.#places.take());
    const block = { first: this.#first, pages: this.#end - this.#first, states, places };
    this.#first = this.#end;
    this.#inBlock = this.#expected = 0;
    this.#count(states.length, places.length);
    return block;
  }

  /** Leaves out details from the next block on if there is no more room for them. */
  #count(states: number, places: number): void {
    this.#spent.states += states;
    this.#spent.places += places;
    const noStates = this.#spent.states >= this.#limits.states;
    if (noStates && this.#coarse === null) {
      this.statesEnd = this.#end;
      this.#coarse = new CoarseStates(this.#end, this.#classes, (number, pages) => {
        this.#exact(number, pages);
      });
    }
    if (noStates || this.#spent.places >= this.#limits.places) this.placesEnd ??= this.#end;
  }

  #extend(first: number, pages: number): void {
    const last = this.extents.at(-1);
    if (last === undefined || last.first + last.pages !== first) this.extents.push({ first, pages });
    else this.extents[this.extents.length - 1] = { first: last.first, pages: last.pages + pages };
  }
}
