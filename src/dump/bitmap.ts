// SPDX-License-Identifier: Apache-2.0
import { Lru } from '../core/lru.js';
import type { ByteSource } from '../core/memory.js';
import { wordsOf } from '../core/words.js';

/** Size of a block in bytes. */
const BLOCK = 0x10000;

/** Bits set in a 32-bit word. */
function popcount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Words per line. When a block is first used, the bits before each of its lines are counted. */
const LINE = 16;
/** Most blocks that are cached: 4 MiB of bitmap, for 128 GiB of memory. */
const BLOCKS = 64;

interface Counts {
  /** Number of bits set from the start of the block to each line. */
  readonly lines: Uint32Array;
  readonly total: number;
}

interface Block extends Counts {
  readonly view: DataView;
}

/** Counts the bits set in the words of a block. */
function counted({ buffer, byteOffset, length }: Uint32Array): Counts {
  // Signed, as the results of bit operations are.
  const words = new Int32Array(buffer, byteOffset, length);
  const lines = new Uint32Array(Math.ceil(length / LINE));
  let total = 0;
  for (let line = 0, i = 0; i < length; line++) {
    lines[line] = total;
    // Most words are empty or full: neighbouring frames tend to be used alike.
    for (const end = Math.min(length, i + LINE); i < end; i++) {
      const word = words[i] as number;
      if (word !== 0) total += word === -1 ? 32 : popcount(word);
    }
  }
  return { lines, total };
}

/**
 * A bitmap in a file, one bit per frame, least significant bit first. Bits are counted block by block, and only up to
 * the highest frame that was asked for.
 */
export class Bitmap {
  /** `#before[i]`: number of bits set before block i; valid for i <= #counted. */
  readonly #before: Float64Array;
  readonly #blocks = new Lru<Block>(BLOCKS);
  #counted = 0;

  /** `offset` and `length` of the bitmap in the file are in bytes; `what` names it in errors. */
  constructor(
    readonly file: ByteSource,
    readonly offset: number,
    readonly length: number,
    readonly what: string,
  ) {
    this.#before = new Float64Array(Math.ceil(length / BLOCK) + 1);
  }

  /** Whether the frame's bit is set; false past the end of the bitmap. */
  has(frame: number): boolean {
    const byte = Math.floor(frame / 8);
    if (byte >= this.length) return false;
    const block = Math.floor(byte / BLOCK);
    return ((this.#block(block).view.getUint8(byte - block * BLOCK) >> (frame % 8)) & 1) === 1;
  }

  /** Number of bits set below a frame, which must be inside the bitmap. */
  rank(frame: number): number {
    const index = Math.floor(frame / 8 / BLOCK);
    for (; this.#counted < index; this.#counted++)
      this.#before[this.#counted + 1] = (this.#before[this.#counted] as number) + this.#block(this.#counted).total;
    const { view, lines } = this.#block(index);
    const bit = frame - index * BLOCK * 8;
    const word = bit >>> 5;
    const line = Math.floor(word / LINE);
    let count = (this.#before[index] as number) + (lines[line] as number);
    for (let i = line * LINE; i < word; i++) count += popcount(view.getUint32(i * 4, true));
    return count + popcount(view.getUint32(word * 4, true) & ((1 << (bit & 31)) - 1));
  }

  /** The first frame at or after `frame` whose bit is not `bit`, at most `most`. Bits after the bitmap are clear. */
  runEnd(frame: number, bit: boolean, most: number): number {
    const all = bit ? 0xffffffff : 0;
    const limit = Math.min(this.length * 8, most);
    for (let at = frame; at < limit; ) {
      const block = Math.floor(at / 8 / BLOCK);
      const { view } = this.#block(block);
      const base = block * BLOCK * 8;
      // In the first word, ignore the bits below `at`.
      let mask = -1 << ((at - base) & 31);
      const words = Math.min(view.byteLength / 4, Math.ceil((limit - base) / 32));
      for (let i = (at - base) >>> 5; i < words; i++) {
        const other = (view.getUint32(i * 4, true) ^ all) & mask;
        mask = -1;
        if (other !== 0) return Math.min(most, base + i * 32 + 31 - Math.clz32(other & -other));
      }
      at = base + view.byteLength * 8;
    }
    return bit ? limit : most;
  }

  /** Number of bits set. Reads the whole bitmap. */
  total(): number {
    const blocks = Math.ceil(this.length / BLOCK);
    for (; this.#counted < blocks; this.#counted++)
      this.#before[this.#counted + 1] = (this.#before[this.#counted] as number) + this.#block(this.#counted).total;
    return this.#before[blocks] as number;
  }

  /** The frames whose bits are set, ascending. */
  *ones(): Generator<number> {
    for (let block = 0; block * BLOCK < this.length; block++) {
      const { view } = this.#block(block);
      for (let at = 0; at < view.byteLength; at += 4) {
        let word = view.getUint32(at, true);
        for (; word !== 0; word = (word & (word - 1)) >>> 0)
          yield (block * BLOCK + at) * 8 + 31 - Math.clz32(word & -word);
      }
    }
  }

  #block(index: number): Block {
    const known = this.#blocks.get(index);
    if (known !== undefined) return known;
    const start = index * BLOCK;
    // A bitmap is a multiple of 4 KiB, so the last block too is a whole number of words.
    const { view } = this.file.read(this.offset + start, Math.min(BLOCK, this.length - start), this.what);
    const block = { view, ...counted(wordsOf(view)) };
    this.#blocks.set(index, block);
    return block;
  }
}
