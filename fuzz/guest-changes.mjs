// SPDX-License-Identifier: Apache-2.0
// What a hostile guest can write into its own memory: page tables that loop or lead out of its memory, and texts and numbers of its
// kernel that lie.

/** @import { Change } from './memory-changes.mjs' */
/** @import { Base } from './mutations.mjs' */
/** @import { Dice } from './random.mjs' */

/**
 * The guest's memory in the dump. `tables`: physical addresses of words of its page tables; `texts`: of its VMCOREINFO, its BTF, its
 * log and its names; `words`: of its other memory that is read; `pages`: its page numbers, by frame.
 *
 * @typedef {{ tables: readonly number[], texts: readonly number[], words: readonly number[], pages: ReadonlyMap<number, number> }} Hostile
 */

const PAGE = 4096;
const PRESENT = 1n;
const SIZE = 0x80n;
const [MMIO, APIC] = [0xfee00000n, 0xfec00000n];
const FLAGS = [0x67n, 0xe7n, 0x63n, 0x8000000000000067n];

/** Texts that a terminal obeys, that end lines, or that change what a line means. */
const TEXTS = [
  '\x1b[31m',
  '\x1b]0;owned\x07',
  '\r\n',
  '\n',
  '\0',
  '\x9b31m',
  '=',
  'ffffffffffffffff',
  '-1',
  '0',
  '99999999',
  '7fffffff',
  'SYMBOL(',
  'NUMBER(phys_base)=-1\n',
  'KERNELOFFSET=ffffffffffffffff\n',
  '\u202e',
  '%s%n',
];

/** A word, little-endian. @type {(value: bigint) => Buffer} */
function word(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes;
}

/** A value of an entry of the table in a page. @type {((dice: Dice, page: bigint, hostile: Hostile, old: bigint) => bigint)[]} */
const ENTRIES = [
  // To its own table, to another page of the guest, to none of its memory, to a device, above all memory.
  (dice, page) => (page << 12n) | dice.pick(FLAGS),
  (dice, _, { pages }) => (BigInt(dice.pick([...pages.values()])) << 12n) | dice.pick(FLAGS),
  (dice) => (BigInt(dice.below(2 ** 30)) << 22n) | dice.pick(FLAGS),
  (dice) => dice.pick([MMIO, APIC]) | dice.pick(FLAGS),
  (dice) => 0xffffffffff000n | dice.pick(FLAGS),
  // Reserved bits, a huge page at this level, all bits.
  (_, __, ___, old) => old ^ (1n << 51n),
  (_, __, ___, old) => old ^ SIZE,
  (_, __, ___, old) => old | SIZE | 0x1fe000n,
  (_, __, ___, old) => old ^ PRESENT,
  () => (1n << 64n) - 1n,
];

/** A change that the guest can have made. @type {(dice: Dice, base: Base, hostile: Hostile) => Change[]} */
export function changeGuest(dice, base, hostile) {
  const { tables, texts, words } = hostile;
  const kinds = [tables, texts, words].filter((list) => list.length > 0);
  const list = dice.pick(kinds);
  const at = dice.pick(list);
  const offset = offsetOf(base, at);
  if (offset === null) return [];
  if (list === tables) return changeTables(dice, base, hostile, at);
  if (list === texts && dice.below(2) === 0) {
    const text = Buffer.from(dice.pick(TEXTS), 'latin1');
    const start = offset + dice.below(8);
    return [[start, text.subarray(0, PAGE - (start % PAGE))]];
  }
  return [
    [offset, word(dice.pick([0n, 1n, 0xffffffffn, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n, BigInt(at), 0x41n]))],
  ];
}

/** One entry, or all of a table. @type {(dice: Dice, base: Base, hostile: Hostile, at: number) => Change[]} */
function changeTables(dice, base, hostile, at) {
  const page = BigInt(hostile.pages.get(Math.floor(at / PAGE)) ?? 0);
  const entry = dice.pick(ENTRIES);
  const addresses =
    dice.below(4) === 0 ? Array.from({ length: PAGE / 8 }, (_, i) => at - (at % PAGE) + i * 8) : [at - (at % 8)];
  return addresses.flatMap((address) => {
    const offset = offsetOf(base, address);
    if (offset === null) return [];
    return [/** @type {Change} */ ([offset, word(entry(dice, page, hostile, base.file.readBigUInt64LE(offset)))])];
  });
}

/** The offset of a physical address in the file; null if the file does not have it. @type {(base: Base, address: number) => number | null} */
function offsetOf({ regions, frames }, address) {
  const index = frames.indexOf(Math.floor(address / PAGE));
  return index < 0 ? null : regions.pages[0] + index * PAGE + (address % PAGE);
}
