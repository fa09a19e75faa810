// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';
import type { ByteSource } from '../core/memory.js';

/** Bytes of a rank block. */
const BLOCK = 0x10000;

/** Bits set in a 32-bit word. */
function popcount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/**
 * A bitmap in a file, one bit a frame, least significant bit first. The bits in front of a frame are counted block by
 * block, each block once, and only as far up as somebody asked.
 */
export class Bitmap {
  /** `#before[i]`: bits set in front of block i; known for i <= #counted. */
  readonly #before: Float64Array;
  #counted = 0;

  /** `offset` and `length` in bytes of the file. */
  constructor(
    readonly file: ByteSource,
    readonly offset: number,
    readonly length: number,
    readonly what: string,
  ) {
    this.#before = new Float64Array(Math.ceil(length / BLOCK) + 1);
  }

  has(frame: number): boolean {
    const byte = Math.floor(frame / 8);
    if (byte >= this.length) return false;
    const block = Math.floor(byte / BLOCK);
    return ((this.#block(block).u8(byte - block * BLOCK) >> (frame % 8)) & 1) === 1;
  }

  /** How many frames below this one have their bit set. */
  rank(frame: number): number {
    const block = Math.floor(frame / 8 / BLOCK);
    for (; this.#counted < block; this.#counted++)
      this.#before[this.#counted + 1] = this.#count(this.#counted, BLOCK * 8) + (this.#before[this.#counted] as number);
    return (this.#before[block] as number) + this.#count(block, frame - block * BLOCK * 8);
  }

  /** Bits set among the first `bits` of a block. */
  #count(block: number, bits: number): number {
    const { view } = this.#block(block);
    const words = Math.floor(bits / 32);
    let count = 0;
    for (let i = 0; i < words; i++) count += popcount(view.getUint32(i * 4, true));
    const rest = bits % 32;
    if (rest > 0) for (let i = 0; i < rest; i++) count += (view.getUint8(words * 4 + (i >> 3)) >> (i & 7)) & 1;
    return count;
  }

  #block(index: number): Bytes {
    const start = index * BLOCK;
    return this.file.read(this.offset + start, Math.min(BLOCK, this.length - start), this.what);
  }
}
