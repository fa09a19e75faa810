// SPDX-License-Identifier: Apache-2.0
// What owner is asked, in portions of which each needs one search of the page tables.
import { larger } from '../core/larger.js';
import type { OwnerWord } from './owner.js';

/** Frames of the physical address space of x86-64: 2^52 bytes. */
const FRAMES = 2n ** 40n;
/** Most frames of a portion, which bounds the memory of a search: 16 GiB. */
const MOST = 2 ** 22;
/** Pieces that the columns of a portion have room for at first. */
const START = 64;

/** Frames that follow each other, and the byte of the first one that is asked for. */
export interface Piece {
  readonly first: number;
  readonly count: number;
  readonly offset: number;
}

/**
 * Pieces for one search, as columns: with a million objects in memory, each collection of garbage during the search takes
 * 60 ms.
 */
export class Portion {
  /** Number of frames. */
  count = 0;
  #pieces = 0;
  #firsts = new Float64Array(START);
  #counts = new Uint32Array(START);
  #offsets = new Uint16Array(START);

  add({ first, count, offset }: Piece): void {
    if (this.#pieces === this.#firsts.length) this.#grow();
    this.#firsts[this.#pieces] = first;
    this.#counts[this.#pieces] = count;
    this.#offsets[this.#pieces] = offset;
    this.#pieces++;
    this.count += count;
  }

  #grow(): void {
    this.#firsts = larger(this.#firsts);
    this.#counts = larger(this.#counts);
    this.#offsets = larger(this.#offsets);
  }

  *pieces(): Generator<Piece> {
    for (let i = 0; i < this.#pieces; i++)
      yield {
        first: this.#firsts[i] as number,
        count: this.#counts[i] as number,
        offset: this.#offsets[i] as number,
      };
  }

  /** The frames that `isWanted`. */
  frames(isWanted: (frame: number) => boolean): Float64Array {
    const frames = new Float64Array(this.count);
    let count = 0;
    for (const { first, count: pages } of this.pieces())
      for (let frame = first; frame < first + pages; frame++) if (isWanted(frame)) frames[count++] = frame;
    return frames.subarray(0, count);
  }
}

/** Collects what is asked, in order. */
export class Pieces {
  #portions: Portion[] = [];

  /** `end`: the frame after the memory of the machine, where ranges end. */
  constructor(readonly end: number) {}

  /** Whether enough is asked for a search. */
  get isFull(): boolean {
    return this.#portions.length > 1 || (this.#portions[0]?.count ?? 0) >= MOST;
  }

  /** Adds an address or a range, in bytes or frames. Returns why it can't be answered; null if it can. */
  add(asked: OwnerWord, areFrames: boolean): string | null {
    if ('digits' in asked)
      return this.#one(asked.frame === null ? FRAMES : BigInt(asked.frame), asked.offset, asked.digits);
    const { first, last } = asked;
    const unit = areFrames ? 1n : 4096n;
    if (first === last) return this.#one(first / unit, areFrames ? 0 : Number(first & 0xfffn), first.toString(16));
    const from = first / unit;
    const to = last / unit + 1n;
    if (from >= BigInt(this.end))
      return `${first.toString(16)}-${last.toString(16)} is beyond the memory of the machine`;
    this.#range(Number(from), Number(to < BigInt(this.end) ? to : BigInt(this.end)));
    return null;
  }

  /** Adds the frames from `first` to `end` - 1; a single frame may be beyond the memory. */
  addFrames({ first, end, offset }: { readonly first: number; readonly end: number; readonly offset: number }): void {
    this.#range(first, Math.min(end, Math.max(this.end, first + 1)), offset);
  }

  /** What was added, in portions; the list is empty afterwards. */
  take(): readonly Portion[] {
    const taken = this.#portions;
    this.#portions = [];
    return taken;
  }

  #one(frame: bigint, offset: number, digits: string): string | null {
    if (frame >= FRAMES) return `${digits} is above the physical address space of x86-64, which has 52 bits`;
    this.#portion().add({ first: Number(frame), count: 1, offset });
    return null;
  }

  #range(first: number, end: number, offset = 0): void {
    for (let at = first; at < end; ) {
      const portion = this.#portion();
      const count = Math.min(end - at, MOST - portion.count);
      portion.add({ first: at, count, offset: at === first ? offset : 0 });
      at += count;
    }
  }

  /** The portion with room for another frame. */
  #portion(): Portion {
    const last = this.#portions.at(-1);
    if (last !== undefined && last.count < MOST) return last;
    const next = new Portion();
    this.#portions.push(next);
    return next;
  }
}
