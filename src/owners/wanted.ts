// SPDX-License-Identifier: Apache-2.0
import { lowerBound } from '../core/search.js';

/** Fewest and most words of the filter: 4 KiB and 8 MiB. In between it has a word or two for each frame. */
const FEWEST_WORDS = 2 ** 10;
const MOST_WORDS = 2 ** 21;
/** 2^32 divided by the golden ratio: products with it have highest bits that look random. */
const GOLDEN = 0x9e3779b1;

/** Most entries of the directory for each frame. */
const BLOCKS_PER_FRAME = 2;

/** Place in the filter, by the lowest 32 bits of a frame: frames that follow each other are near each other. */
const wordOf = (low: number): number => low >>> 1;
/** A frame's one or two bits in its word. */
function bitsOf(low: number): number {
  const product = Math.imul(low, GOLDEN);
  return (1 << (product >>> 27)) | (1 << (product >>> 22));
}

/** Whether a filter can have a frame, given by its lowest 32 bits. If not, the frame is not wanted. */
export function canHave(filter: Int32Array, low: number): boolean {
  const bits = bitsOf(low);
  return ((filter[wordOf(low) & (filter.length - 1)] as number) & bits) === bits;
}

/** A set of frames that is searched for: a sorted list, and in front of it a filter that hot loops look at. */
export class WantedFrames {
  /** Ascending, each once. */
  readonly frames: Float64Array;
  /**
   * The filter, a Bloom filter in which all bits of a frame are in one word, so that looking at it is one access to memory:
   * `canHave`. A power of 2 of words.
   */
  readonly filter: Int32Array;
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
    const words = Math.min(Math.max(2 ** Math.ceil(Math.log2(count)), FEWEST_WORDS), MOST_WORDS);
    this.filter = new Int32Array(words);
    for (const frame of this.frames) {
      const low = frame % 2 ** 32;
      const word = wordOf(low) & (words - 1);
      this.filter[word] = (this.filter[word] as number) | bitsOf(low);
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
