// SPDX-License-Identifier: Apache-2.0
import { orNull } from '../core/errors.js';
import { wordsOf } from '../core/words.js';
import { EACH, FIXED, KIND, KINDS, kindOf, TYPE_SIZE, type TypeSection } from './btf-format.js';
import { type BtfStrings, NamedTypes } from './btf-names.js';

/** Bytes of types that are walked in one step. */
const BATCH = 0x4000;

/** What is found by name. */
export type BtfGroup = 'structures' | 'enums';

/** The group of a kind; null if it is not found by name. */
export function groupOf(kind: number): BtfGroup | null {
  if (kind === KIND.Struct || kind === KIND.Union) return 'structures';
  return kind === KIND.Enum || kind === KIND.Enum64 ? 'enums' : null;
}

/** Whether types of a kind are found by name, by kind. */
const NAMED = Uint8Array.from({ length: KINDS }, (_, kind) => (groupOf(kind) === null ? 0 : 1));

/**
 * The types of BTF in their order. They have no index, so they are walked from the first, but no further than to the last that was
 * asked for: most structures that are needed are near the start, and the pages of the rest need not be read.
 */
export class TypeWalk {
  readonly #section: TypeSection;
  readonly #strings: BtfStrings;
  /** The ID of the first type. */
  readonly #first: number;
  /** Offset of each type walked so far; of all types there can be, once the first is walked. */
  #starts = new Uint32Array(0);
  #count = 0;
  #walked = 0;
  /** The types with a name that were walked so far. */
  readonly #structures: NamedTypes;
  readonly #enums: NamedTypes;

  constructor(section: TypeSection, first: number, strings: BtfStrings) {
    this.#section = section;
    this.#first = first;
    this.#strings = strings;
    this.#structures = new NamedTypes(strings);
    this.#enums = new NamedTypes(strings);
  }

  /** Offset of a type; null if there are fewer. */
  start(id: number): number | null {
    const index = id - this.#first;
    while (index >= this.#count && this.#step());
    return index < this.#count ? (this.#starts[index] ?? null) : null;
  }

  /** Offsets of all types. */
  starts(): Uint32Array {
    while (this.#step());
    return this.#starts.subarray(0, this.#count);
  }

  /** ID of the last type that has been walked; that before the first if none has. */
  get last(): number {
    return this.#first + this.#count - 1;
  }

  /** Offset of a type that has been walked; null if it has not. */
  walked(id: number): number | null {
    const index = id - this.#first;
    return index < this.#count ? (this.#starts[index] ?? null) : null;
  }

  /** ID of the first type of a group with this name that has been walked; null if there is none. */
  findWalked(group: BtfGroup, name: string): number | null {
    return this.#named(group).find(name, 0);
  }

  /** ID of the first type of a group with this name; null if there is none. */
  find(group: BtfGroup, name: string): number | null {
    const named = this.#named(group);
    for (let from = 0; ; ) {
      const id = named.find(name, from);
      if (id !== null) return id;
      from = named.count;
      if (!this.#step()) return null;
    }
  }

  #named(group: BtfGroup): NamedTypes {
    return group === 'enums' ? this.#enums : this.#structures;
  }

  /** Walks some more types; false at the end. If it throws, nothing of them is kept, so that later questions do not pass over them. */
  #step(): boolean {
    const { types } = this.#section;
    const from = this.#walked;
    if (from > types.length - TYPE_SIZE) return false;
    if (from === 0) this.#starts = new Uint32Array(Math.ceil(types.length / TYPE_SIZE) + 1);
    const starts = this.#starts;
    const view = this.#window(from);
    const words = wordsOf(view);
    const last = from + view.byteLength - TYPE_SIZE;
    const named: number[] = [];
    let [count, at] = [this.#count, from];
    while (at <= last) {
      starts[count] = at;
      count = knownTypes(words, from, { starts, named }, count);
      at = starts[count] as number;
      if (at > last) break;
      at = this.#afterUnknown(at);
      count++;
    }
    this.#addNames(named, words, from);
    [this.#count, this.#walked] = [count, at];
    return true;
  }

  /** Adds the names of types, by their numbers, that are in a window which begins at `from`. */
  #addNames(named: readonly number[], words: Uint32Array, from: number): void {
    const found = named.map((index) => ({ index, place: ((this.#starts[index] as number) - from) >>> 2 }));
    // All names are read before any is added.
    const keys = found.map(({ place }) => this.#keyAt(words[place] as number));
    for (const [i, { index, place }] of found.entries()) {
      const [name, key] = [words[place] as number, keys[i] ?? null];
      const group = groupOf(kindOf(words[place + 1] as number));
      if (key !== null && group !== null) this.#named(group).add(this.#first + index, name, key);
    }
  }

  /** The key of the name at an offset of the strings; null for no name. */
  #keyAt(name: number): number | null {
    return name === 0 ? null : this.#strings.key(name);
  }

  #afterUnknown(at: number): number {
    const size = this.#section.sizeAt(at);
    if (size % 4 !== 0) throw this.#section.types.error(at, `BTF type of ${size} bytes, which are not whole words`);
    return at + size;
  }

  /** The next bytes of the types: fewer near a part that is missing in the dump, so that all types before it can be found. */
  #window(from: number): DataView {
    const { types } = this.#section;
    for (let size = BATCH; size > TYPE_SIZE; size >>= 1) {
      const view = orNull(() => types.window(from, size));
      if (view !== null) return view;
    }
    return types.window(from, TYPE_SIZE);
  }
}

/**
 * Walks the types in a window that begins at `from`, from type number `count` on. Returns the number of the first one that is after the window,
 * or of an unknown kind. `starts`: where types begin: that of type `count` is known, those after it are filled in. `named`: gets the numbers
 * of those that are found by name. A first run walks some thousand types: a function without calls is compiled by V8 in a moment.
 */
function knownTypes(
  words: Uint32Array,
  from: number,
  { starts, named }: { readonly starts: Uint32Array; readonly named: number[] },
  count: number,
): number {
  const [fixed, each, isNamed] = [FIXED, EACH, NAMED];
  const last = from + words.byteLength - TYPE_SIZE;
  let number = count;
  for (let at = starts[number] as number; at <= last; starts[++number] = at) {
    const info = words[(at - from + 4) >>> 2] as number;
    // As `kindOf` and `vlenOf`.
    const kind = (info >>> 24) & 0x7f;
    if (kind >= KINDS) break;
    if (isNamed[kind] !== 0) named.push(number);
    at += (fixed[kind] as number) + (each[kind] as number) * (info & 0xffffff);
  }
  return number;
}
