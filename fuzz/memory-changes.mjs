// SPDX-License-Identifier: Apache-2.0
// Changes to bytes of memory, in a file whose pages are uncompressed.
import { present } from '../scripts/present.mjs';

/** @import { Base } from './mutations.mjs' */
/** @import { Dice } from './random.mjs' */

/** Bytes to write, and their offset in the file. @typedef {[offset: number, bytes: Buffer]} Change */

const PAGE = 4096;
const WORD = 8;
const WORDS = PAGE / WORD;
/** Values that valid lengths and pointers do not have. */
export const LENGTHS = [0n, 1n, 0xffffffffn, 1n << 32n, 1n << 53n, 1n << 63n, (1n << 64n) - 1n, 4097n, 1n << 40n];
/** Flags of page-table entries: small and huge, with NX, and one that is not present. */
const FLAGS = [0x67n, 0xe7n, 0x8000000000000067n, 0x166n];

/** A word, little-endian. @type {(value: bigint) => Buffer} */
export function u64(value) {
  const bytes = Buffer.alloc(WORD);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes;
}

/**
 * Copies bytes of the file, which changes later.
 *
 * @type {(base: Base, offset: number, length: number) => Buffer}
 */
const copy = ({ file }, offset, length) => Buffer.from(file.subarray(offset, offset + length));

/** Changes one bit of the byte at an offset. @type {(dice: Dice, base: Pick<Base, 'file'>, at: number) => Change} */
export const flip = (dice, { file }, at) => [at, Buffer.from([file.readUInt8(at) ^ (1 << dice.below(8))])];

/** Offset of a random page of memory. @type {(dice: Dice, base: Base) => number} */
function pickPage(dice, { regions }) {
  const [start, end] = regions.pages;
  return start + dice.below((end - start) / PAGE) * PAGE;
}

/**
 * The offset of a physical address in the file; null if the file does not have it.
 *
 * @type {(base: Base, address: number) => number | null}
 */
function offsetOf({ regions, frames }, address) {
  const index = frames.indexOf(Math.floor(address / PAGE));
  return index < 0 ? null : regions.pages[0] + index * PAGE + (address % PAGE);
}

/**
 * Changes of the word at offset `at`, which is in the page at offset `page`.
 *
 * @type {((dice: Dice, base: Base, page: number, at: number) => Change)[]}
 */
const OF_A_WORD = [
  (dice, base, _, at) => flip(dice, base, at + dice.below(WORD)),
  (dice, _, __, at) => [at, u64(dice.pick(LENGTHS))],
  // A pointer from elsewhere, so that structures share parts or form loops.
  (dice, base, _, at) => {
    const [start, end] = base.regions.pages;
    return [at, copy(base, start + dice.below((end - start) / WORD) * WORD, WORD)];
  },
  (dice, base, page, at) => [at, copy(base, page + dice.below(WORDS) * WORD, WORD)],
  // A page-table entry that points to its own page, or to another.
  (dice, base, page, at) => {
    const own = (page - base.regions.pages[0]) / PAGE;
    const frame = present(base.frames[dice.pick([own, dice.below(base.frames.length)])], 'the frame of a page');
    return [at, u64((BigInt(frame) << 12n) | dice.pick(FLAGS))];
  },
];

/** One change of memory. @type {(dice: Dice, base: Base) => Change} */
export function changeMemory(dice, base) {
  const [start] = base.regions.pages;
  // Half of the changes hit an entry of a page table that one of the answers reads.
  const entry = dice.below(2) === 0 ? offsetOf(base, dice.pick(base.entries)) : null;
  const page = entry === null ? pickPage(dice, base) : start + Math.floor((entry - start) / PAGE) * PAGE;
  const kind = dice.below(entry === null ? OF_A_WORD.length + 1 : OF_A_WORD.length);
  const at = entry ?? page + dice.below(WORDS) * WORD;
  const change = OF_A_WORD[kind];
  if (change !== undefined) return change(dice, base, page, at);
  // A whole page is replaced by another.
  return [page, copy(base, pickPage(dice, base), PAGE)];
}
