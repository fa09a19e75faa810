// SPDX-License-Identifier: Apache-2.0
// The mutations of a file: of its structures, or of memory.
import { present } from '../scripts/present.mjs';
import { changeGuest } from './guest-changes.mjs';
import { changeMemory, flip, LENGTHS, u64 } from './memory-changes.mjs';

/** @import { Form, Part } from './forms/form.mjs' */
/** @import { Hostile } from './guest-changes.mjs' */
/** @import { Change } from './memory-changes.mjs' */
/** @import { Dice } from './random.mjs' */

/**
 * The base of mutants: a file, the frames that it has, and the physical addresses of page-table entries that the
 * answers read. `guest`: the guest's memory, if its contents are asked about.
 *
 * @typedef {Form & { readonly frames: readonly number[], readonly entries: readonly number[], readonly guest?: Hostile | null }} Base
 */
/** Structures by name: those in one piece, and the records. @typedef {Part | 'records'} Name */
/**
 * The structure that is changed, and the changes to the file: bytes in place, or a shorter length (null: unchanged).
 *
 * @typedef {{ hit: string, changes: Change[], length: number | null }} Hit
 */
/**
 * `structural`: no byte of memory is changed, so nothing excuses a wrong answer.
 *
 * @typedef {Hit & { structural: boolean }} Mutation
 */

/** Changes that a guest can have made to its own memory. */
const HOSTILE = 'memory, by the guest';

/** The structures other than the pages. @type {readonly Name[]} */
const AROUND = [
  'header',
  'sub-header',
  'notes',
  'bitmap of memory',
  'bitmap of pages',
  'descriptors',
  'records',
  'program headers',
];

/** Structures that are arrays, and the bytes of an element. @type {[Part, number][]} */
const ARRAYS = [
  ['descriptors', 24],
  ['program headers', 56],
];

/** The offset of a random byte in a structure. @type {(dice: Dice, base: Base, name: Name) => number} */
function placeIn(dice, { regions }, name) {
  const span = name === 'records' ? dice.pick(present(regions.records, name)) : regions[name];
  const [start, end] = present(span, name);
  return start + dice.below(end - start);
}

/** @type {(dice: Dice, base: Base, names: readonly Name[]) => Name} */
const pickName = (dice, { regions }, names) => dice.pick(names.filter((name) => name in regions));

/** Changes one to eight bits in one structure. @type {(dice: Dice, base: Base, names: readonly Name[]) => Hit} */
function bits(dice, base, names) {
  const name = pickName(dice, base, names);
  const count = dice.pick([1, 1, 1, 2, 4, 8]);
  const changes = Array.from({ length: count }, () => flip(dice, base, placeIn(dice, base, name)));
  return { hit: name, changes, length: null };
}

/** Sets a word of a structure to a value that no writer uses. @type {(dice: Dice, base: Base) => Hit} */
function words(dice, base) {
  const name = pickName(dice, base, AROUND);
  const at = placeIn(dice, base, name) & ~7;
  const size = dice.pick([4, 8]);
  return { hit: name, changes: [[at, u64(dice.pick(LENGTHS)).subarray(0, size)]], length: null };
}

/**
 * Swaps two elements of an array, or two of their fields.
 *
 * @type {(dice: Dice, base: Base) => Hit}
 */
function crossed(dice, { file, regions }) {
  const [name, size] = dice.pick(ARRAYS.filter(([each]) => each in regions));
  const [start, end] = present(regions[name], name);
  const count = Math.floor((end - start) / size);
  const [one, other] = [start + dice.below(count) * size, start + dice.below(count) * size];
  const [from, length] = dice.pick([
    [0, size],
    [0, 8],
    [8, 8],
  ]);
  /** @type {(at: number) => Buffer} */
  const piece = (at) => file.subarray(at + from, at + from + length);
  return {
    hit: name,
    changes: [
      [one + from, piece(other)],
      [other + from, piece(one)],
    ],
    length: null,
  };
}

/** @type {(dice: Dice, base: Base) => Hit} */
const cut = (dice, { file }) => ({ hit: 'tail', changes: [], length: dice.below(file.length) });

/** A random mutation. @type {(dice: Dice, base: Base) => Mutation} */
export function mutate(dice, base) {
  if (base.plain && base.guest != null && dice.below(3) > 0)
    return { hit: HOSTILE, changes: changeGuest(dice, base, base.guest), length: null, structural: false };
  const kind = dice.below(10);
  if (kind < 3) return { ...bits(dice, base, AROUND), structural: true };
  if (kind < 4) return { ...words(dice, base), structural: true };
  if (kind < 5 && ARRAYS.some(([name]) => name in base.regions)) return { ...crossed(dice, base), structural: true };
  if (kind < 6) return { ...cut(dice, base), structural: true };
  return base.plain
    ? { hit: 'memory', changes: [changeMemory(dice, base)], length: null, structural: false }
    : { ...bits(dice, base, ['pages']), structural: false };
}
