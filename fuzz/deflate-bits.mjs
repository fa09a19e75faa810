// SPDX-License-Identifier: Apache-2.0
// Deflate blocks written bit by bit (RFC 1951), which no compressor would write: codes with too many or too few symbols,
// symbols without a meaning, repetitions of nothing, distances before the start.

/** @import { Dice } from './random.mjs' */

/** Order in which the lengths of the code of lengths are sent. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

class Bits {
  /** @type {number[]} */
  bytes = [];
  #held = 0;
  #count = 0;

  /** Lowest bit first. @type {(value: number, bits: number) => void} */
  write(value, bits) {
    for (let i = 0; i < bits; i++) {
      this.#held |= ((value >>> i) & 1) << this.#count++;
      if (this.#count === 8) this.toByte();
    }
  }

  toByte() {
    if (this.#count > 0) this.bytes.push(this.#held);
    this.#held = 0;
    this.#count = 0;
  }
}

/**
 * Codes of symbols (their first bit lowest) by the lengths of the codes. They are wrong if there are too many.
 *
 * @type {(lengths: readonly number[]) => number[]}
 */
function codesOf(lengths) {
  let code = 0;
  /** @type {number[]} */
  const codes = lengths.map(() => 0);
  for (let bits = 1; bits <= 15; bits++, code *= 2)
    for (const [symbol, length] of lengths.entries())
      if (length === bits)
        codes[symbol] = parseInt(
          (code++ >>> 0).toString(2).padStart(bits, '0').slice(-bits).split('').reverse().join(''),
          2,
        );
  return codes;
}

/**
 * Lengths of a code for `used` of `symbols` symbols, complete unless there are less than two. Splitting the longest ones makes codes
 * of up to `most` bits.
 *
 * @type {(dice: Dice, symbols: number, used: readonly number[], most: number) => number[]}
 */
function completeCode(dice, symbols, used, most) {
  /** @type {number[]} */
  const lengths = Array.from({ length: symbols }, () => 0);
  const leaves = used.length > 1 ? [1, 1] : used.map(() => 1);
  while (leaves.length < used.length) {
    const deepest = dice.below(2) === 0 ? leaves.indexOf(Math.max(...leaves.filter((each) => each < most))) : -1;
    const at = deepest >= 0 ? deepest : dice.below(leaves.length);
    const bits = leaves[at] ?? 0;
    if (bits < most) leaves.splice(at, 1, bits + 1, bits + 1);
  }
  for (const [i, symbol] of used.entries()) lengths[symbol] = leaves[i] ?? 0;
  return lengths;
}

/** Some of the symbols 0 to `symbols` - 1, without repetition. @type {(dice: Dice, symbols: number, count: number, always: number[]) => number[]} */
function some(dice, symbols, count, always) {
  const chosen = new Set(always);
  for (let i = 0; i < count; i++) chosen.add(dice.below(symbols));
  return [...chosen];
}

/** Writes random symbols of two codes, and often the end of the block. @type {(dice: Dice, bits: Bits, literals: number[], distances: number[]) => void} */
function writeSymbols(dice, bits, literals, distances) {
  const codes = [codesOf(literals), codesOf(distances)];
  /** @type {(which: number, lengths: number[], symbol: number) => void} */
  const write = (which, lengths, symbol) => {
    bits.write(codes[which]?.[symbol] ?? 0, lengths[symbol] ?? 0);
  };
  const known = [...literals.keys()].filter((symbol) => literals[symbol] !== 0);
  const bytes = known.filter((symbol) => symbol < 256);
  const far = [...distances.keys()].filter((symbol) => distances[symbol] !== 0);
  const near = far.filter((symbol) => symbol < 6);
  for (let left = known.length === 0 ? 0 : dice.below(dice.pick([3, 60])); left > 0; left--) {
    const symbol = bytes.length > 0 && dice.below(2) === 0 ? dice.pick(bytes) : dice.pick(known);
    if (symbol === 256 && dice.below(8) !== 0) continue;
    write(0, literals, symbol);
    if (symbol <= 256) continue;
    if (symbol < 286) bits.write(dice.below(32), symbol < 265 || symbol === 285 ? 0 : (symbol - 261) >> 2);
    if (far.length === 0) continue;
    const distance = near.length > 0 && dice.below(8) !== 0 ? dice.pick(near) : dice.pick(far);
    write(1, distances, distance);
    if (distance < 30) bits.write(dice.below(8192), Math.max(0, (distance >> 1) - 1));
  }
  if (dice.below(12) !== 0) write(0, literals, 256);
}

/** Lengths as they are sent: a symbol, its extra bits, and how many of these there are. @type {(dice: Dice, lengths: number[]) => number[][]} */
function repeated(dice, lengths) {
  /** @type {number[][]} */
  const sent = [];
  for (let at = 0; at < lengths.length; ) {
    const value = lengths[at] ?? 0;
    let run = 1;
    while (lengths[at + run] === value) run++;
    if (value === 0 && run >= 3 && dice.below(8) !== 0) {
      const times = Math.min(run, run > 10 ? 138 : 10);
      sent.push(times > 10 ? [18, times - 11, 7] : [17, times - 3, 3]);
      at += times;
    } else if (at > 0 && lengths[at - 1] === value && run >= 3) {
      const times = Math.min(run, 6);
      sent.push([16, times - 3, 2]);
      at += times;
    } else {
      sent.push([value, 0, 0]);
      at++;
    }
  }
  if (dice.below(12) === 0)
    sent.splice(
      dice.below(sent.length),
      1,
      dice.pick([
        [16, 3, 2],
        [18, 127, 7],
        [17, 0, 3],
        [0, 0, 0],
        [3, 0, 0],
      ]),
    );
  return sent;
}

/** @type {(dice: Dice, bits: Bits) => void} */
function writeDynamic(dice, bits) {
  const [hlit, hdist] = [257 + dice.below(30), 1 + dice.below(dice.below(12) === 0 ? 32 : 30)];
  const most = dice.pick([8, 15]);
  const literals = completeCode(
    dice,
    hlit,
    some(dice, hlit, dice.pick([0, 3, 20, 150, 400]), dice.below(20) === 0 ? [] : [256]),
    15,
  );
  const distances = completeCode(dice, hdist, some(dice, hdist, dice.pick([0, 1, 4, 40]), []), most);
  // Too many codes, or too few.
  if (dice.below(10) === 0) literals[dice.below(hlit)] = dice.below(16);
  if (dice.below(10) === 0) distances[dice.below(hdist)] = dice.below(16);
  const sent = repeated(dice, [...literals, ...distances]);
  const lengths = completeCode(dice, 19, [...new Set(sent.map(([symbol = 0]) => symbol))], 7);
  if (dice.below(20) === 0) lengths[dice.below(19)] = dice.below(8);
  const codes = codesOf(lengths);
  let count = 19;
  while (count > 4 && lengths[ORDER[count - 1] ?? 0] === 0) count--;
  bits.write(hlit - 257, 5);
  bits.write(hdist - 1, 5);
  bits.write(count - 4, 4);
  for (const symbol of ORDER.slice(0, count)) bits.write(lengths[symbol] ?? 0, 3);
  for (const [symbol = 0, extra = 0, size = 0] of sent) {
    bits.write(codes[symbol] ?? 0, lengths[symbol] ?? 0);
    bits.write(extra, size);
  }
  writeSymbols(dice, bits, literals, distances);
}

/** @type {(dice: Dice, bits: Bits) => void} */
function writeStored(dice, bits) {
  bits.toByte();
  const length = dice.below(dice.pick([1, 20, 300]));
  bits.write(length, 16);
  bits.write(dice.below(12) === 0 ? dice.below(65_536) : ~length & 0xffff, 16);
  for (let i = 0; i < length; i++) bits.write(dice.below(256), 8);
}

const FIXED = Array.from({ length: 288 }, (_, symbol) => (symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8));
const FIXED_DISTANCES = Array.from({ length: 32 }, () => 5);

/** One to four blocks. @param {Dice} dice */
export function bitBlocks(dice) {
  const bits = new Bits();
  for (let left = 1 + dice.below(4); left > 0; left--) {
    const kind = dice.pick([0, 1, 2, 2, 2, 2]);
    bits.write(left === 1 && dice.below(20) !== 0 ? 1 : 0, 1);
    bits.write(dice.below(60) === 0 ? 3 : kind, 2);
    if (kind === 0) writeStored(dice, bits);
    else if (kind === 1) writeSymbols(dice, bits, FIXED, FIXED_DISTANCES);
    else writeDynamic(dice, bits);
  }
  bits.toByte();
  return Buffer.from(bits.bytes);
}
