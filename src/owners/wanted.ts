// SPDX-License-Identifier: Apache-2.0
import { lowerBound } from '../core/search.js';

/** Bits of the filter for each frame, and the smallest and the largest filter: 4 KiB and 8 MiB. */
const BITS_PER_FRAME = 64;
const FEWEST_BITS = 2 ** 15;
const MOST_BITS = 2 ** 26;

/** Most entries of the directory for each frame. */
const BLOCKS_PER_FRAME = 2;

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
  /** Frames are in blocks of this size; the first one begins with the first frame. A power of 2. */
  readonly #size: number;
  /** By block, the place of its first frame; the number of frames after the last one. Neighbouring frames are looked up in one place. */
  readonly #directory: Uint32Array;

  /** Frames in any order, also repeated. */
  constructor(frames: Float64Array) {
    const sorted = frames.slice().sort();
    let count = 0;
    for (let i = 0; i < sorted.length; i++)
      if (count === 0 || sorted[i] !== sorted[count - 1]) sorted[count++] = sorted[i] as number;
    this.frames = sorted.subarray(0, count);
    const bits = Math.min(Math.max(2 ** Math.ceil(Math.log2(count * BITS_PER_FRAME)), FEWEST_BITS), MOST_BITS);
    this.mask = bits - 1;
    this.filter = new Int32Array(bits / 32);
    for (const frame of this.frames) {
      const key = frame % bits;
      this.filter[key >>> 5] = (this.filter[key >>> 5] as number) | (1 << (key & 31));
    }
    const span = count === 0 ? 1 : (sorted[count - 1] as number) - (sorted[0] as number) + 1;
    this.#size = 2 ** Math.max(0, Math.ceil(Math.log2(span / (Math.max(count, 1) * BLOCKS_PER_FRAME))));
    this.#directory = new Uint32Array(Math.ceil(span / this.#size) + 1);
    this.#fill();
  }

  #fill(): void {
    const { frames } = this;
    const directory = this.#directory;
    let block = 0;
    for (let i = 0; i < frames.length; i++) {
      const own = this.#blockOf(frames[i] as number);
      while (block <= own) directory[block++] = i;
    }
    directory.fill(frames.length, block);
  }

  #blockOf(frame: number): number {
    return Math.floor((frame - (this.frames[0] as number)) / this.#size);
  }

  get count(): number {
    return this.frames.length;
  }

  /** The place of a frame in `frames`; -1 if it is not wanted. */
  indexOf(frame: number): number {
    const { frames } = this;
    const directory = this.#directory;
    const block = frames.length === 0 ? -1 : this.#blockOf(frame);
    if (block < 0 || block >= directory.length - 1) return -1;
    const from = directory[block] as number;
    const place =
      from + lowerBound((directory[block + 1] as number) - from, (i) => (frames[from + i] as number) >= frame);
    return frames[place] === frame ? place : -1;
  }

  /** The place of the first wanted frame from this one on. */
  firstFrom(frame: number): number {
    const { frames } = this;
    return lowerBound(frames.length, (i) => (frames[i] as number) >= frame);
  }
}
