// SPDX-License-Identifier: Apache-2.0
import { lowerBound } from '../core/search.js';

/** Bits of the filter for each frame, and the smallest and the largest filter: 4 KiB and 8 MiB. */
const BITS_PER_FRAME = 16;
const FEWEST_BITS = 2 ** 15;
const MOST_BITS = 2 ** 26;

/** Of a slot of the hash table that is not used. */
const FREE = -1;
/** 2^32 divided by the golden ratio: neighbouring frames are in different places (multiplicative hashing). */
const FACTOR = 0x9e3779b1;

/** A set of frames that is searched for: a sorted list, and in front of it a filter that hot loops look at. */
export class WantedFrames {
  /** Ascending, each once. */
  readonly frames: Float64Array;
  /**
   * The filter: bit n is set if a frame has n as its lowest bits. It has `mask` + 1 bits, a power of 2.
   *
   *     (filter[key >>> 5] & (1 << (key & 31))) !== 0    with key = frame & mask
   */
  readonly filter: Int32Array;
  readonly mask: number;
  /** Whether the frames follow each other. */
  readonly #isRange: boolean;
  /** A hash table with open addressing, of the places in `frames`; FREE for none. Empty for a range. */
  readonly #table: Int32Array;
  readonly #shift: number;

  /** Frames in any order, also repeated. */
  constructor(frames: Float64Array) {
    const sorted = frames.slice().sort();
    let count = 0;
    for (let i = 0; i < sorted.length; i++)
      if (count === 0 || sorted[i] !== sorted[count - 1]) sorted[count++] = sorted[i] as number;
    this.frames = sorted.subarray(0, count);
    this.#isRange = count > 0 && (sorted[count - 1] as number) - (sorted[0] as number) === count - 1;
    const bits = Math.min(Math.max(2 ** Math.ceil(Math.log2(count * BITS_PER_FRAME)), FEWEST_BITS), MOST_BITS);
    this.mask = bits - 1;
    this.filter = new Int32Array(bits / 32);
    for (const frame of this.frames) {
      const key = frame % bits;
      this.filter[key >>> 5] = (this.filter[key >>> 5] as number) | (1 << (key & 31));
    }
    const order = this.#isRange ? 0 : Math.max(Math.ceil(Math.log2(count * 2)), 4);
    this.#shift = 32 - order;
    this.#table = new Int32Array(this.#isRange ? 0 : 2 ** order).fill(FREE);
    if (!this.#isRange) for (let i = 0; i < count; i++) this.#table[this.#slotOf(this.frames[i] as number)] = i;
  }

  get count(): number {
    return this.frames.length;
  }

  /** The place of a frame in `frames`; -1 if it is not wanted. */
  indexOf(frame: number): number {
    const { frames } = this;
    if (this.#isRange) {
      const index = frame - (frames[0] as number);
      return index >= 0 && index < frames.length ? index : -1;
    }
    return this.#table[this.#slotOf(frame)] as number;
  }

  /** The slot of the table that has the frame, or in which it would be put. */
  #slotOf(frame: number): number {
    const table = this.#table;
    const { frames } = this;
    const last = table.length - 1;
    let slot = Math.imul(frame | 0, FACTOR) >>> this.#shift;
    for (;;) {
      const index = table[slot] as number;
      if (index === FREE || frames[index] === frame) return slot;
      slot = (slot + 1) & last;
    }
  }

  /** The place of the first wanted frame from this one on. */
  firstFrom(frame: number): number {
    const { frames } = this;
    return lowerBound(frames.length, (i) => (frames[i] as number) >= frame);
  }
}
