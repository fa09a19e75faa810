// SPDX-License-Identifier: Apache-2.0
// Streams for fuzz/inflate.mjs: pages packed in every way that zlib has, then damaged, and blocks written bit by bit.
import { constants, deflateRawSync } from 'node:zlib';
import { bitBlocks } from './deflate-bits.mjs';

/** @import { Dice } from './random.mjs' */

const STRATEGIES = [
  constants.Z_DEFAULT_STRATEGY,
  constants.Z_FILTERED,
  constants.Z_HUFFMAN_ONLY,
  constants.Z_RLE,
  constants.Z_FIXED,
];
const OTHER_SIZES = [1, 2, 63, 64, 65, 1000, 4095, 4097, 20_000, 65_535, 65_536];
/** Packed pages that are kept, and how many streams are made of each on average. */
const KEPT = 512;
const EACH = 24;

/** Contents of a page: texts, noise, runs, tables of numbers, copies from a distance. @type {(dice: Dice, size: number) => Buffer} */
function contents(dice, size) {
  const bytes = Buffer.alloc(size);
  const alphabet = dice.pick([2, 5, 40, 256]);
  for (let at = 0; at < size; ) {
    const length = 1 + dice.below(dice.pick([4, 30, 300, 2000]));
    const end = Math.min(size, at + length);
    const kind = dice.below(5);
    if (kind === 0) for (; at < end; at++) bytes[at] = dice.below(alphabet);
    else if (kind === 1) bytes.fill(dice.below(alphabet), at, end);
    else if (kind === 2) for (; at + 8 <= end; at += 8) bytes.writeUInt32LE((at * 513) >>> 0, at);
    else if (at > 0) {
      const distance = 1 + dice.below(dice.pick([at, Math.min(at, 20)]));
      for (; at < end; at++) bytes[at] = bytes[at - distance] ?? 0;
    }
    at = end;
  }
  return bytes;
}

/** Packed bytes in raw deflate. @type {(dice: Dice, bytes: Buffer) => Buffer} */
const pack = (dice, bytes) =>
  deflateRawSync(bytes, {
    level: dice.below(10),
    strategy: dice.pick(STRATEGIES),
    memLevel: 1 + dice.below(9),
    windowBits: 9 + dice.below(7),
  });

/**
 * One damage. Half of those within the stream are at its start, where the codes of a dynamic block are.
 *
 * @type {(dice: Dice, stream: Buffer, other: Buffer) => Buffer}
 */
function damage(dice, stream, other) {
  const at = dice.below(dice.below(2) === 0 ? Math.min(stream.length, 90) : stream.length);
  const copy = Buffer.from(stream);
  switch (dice.below(8)) {
    case 0:
      return copy.subarray(0, at);
    case 1:
      return Buffer.concat([copy, Buffer.from(Array.from({ length: 1 + dice.below(12) }, () => dice.below(256)))]);
    case 2:
      return Buffer.concat([copy.subarray(0, at), other.subarray(dice.below(other.length))]);
    case 3:
      if (at < copy.length) copy[at] = dice.below(256);
      return copy;
    case 4:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + 1)]);
    default:
      if (at < copy.length) copy[at] = (copy[at] ?? 0) ^ (1 << dice.below(8));
      return copy;
  }
}

/** Makes streams in raw deflate, each with the size that it should decode to. */
export class Streams {
  /** @type {{ packed: Buffer, size: number }[]} */
  #kept = [];

  /** @type {(dice: Dice) => { stream: Buffer, size: number }} */
  next(dice) {
    if (dice.below(6) === 0) return { stream: bitBlocks(dice), size: dice.pick([4096, 1 + dice.below(600)]) };
    const { packed, size } = this.#base(dice);
    let stream = packed;
    for (let left = dice.pick([0, 1, 1, 1, 2, 4]); left > 0; left--)
      stream = damage(dice, stream, this.#base(dice).packed);
    return { stream, size: dice.below(30) === 0 ? Math.max(1, size + dice.below(3) - 1) : size };
  }

  /** @param {Dice} dice */
  #base(dice) {
    const slot = dice.below(KEPT);
    const kept = this.#kept[slot];
    if (kept !== undefined && dice.below(EACH) !== 0) return kept;
    const size = dice.below(4) === 0 ? dice.pick(OTHER_SIZES) : 4096;
    const made = { packed: pack(dice, contents(dice, size)), size };
    this.#kept[slot] = made;
    return made;
  }
}
