// SPDX-License-Identifier: Apache-2.0
import { orNull } from '../core/errors.js';
import { wordsOf } from '../core/words.js';
import { EACH, FIXED, KIND, KINDS, kindOf, TYPE_SIZE, type TypeSection, vlenOf } from './btf-format.js';
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

/**
 * The types of BTF in their order. They have no index, so they are walked from the first, but no further than to the last that was
 * asked for: most structures that are needed are near the start, and the pages of the rest need not be read.
 */
export class TypeWalk {
  readonly #section: TypeSection;
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

  /** Walks some more types; false at the end. */
  #step(): boolean {
    const section = this.#section;
    const from = this.#walked;
    if (from > section.types.length - TYPE_SIZE) return false;
    if (from === 0) this.#starts = new Uint32Array(Math.ceil(section.types.length / TYPE_SIZE));
    const view = this.#window(from);
    const words = wordsOf(view);
    const stop = from + view.byteLength - TYPE_SIZE;
    const [first, starts] = [this.#first, this.#starts];
    let count = this.#count;
    let at = from;
    while (at <= stop) {
      const place = (at - from) >>> 2;
      const info = words[place + 1] as number;
      const kind = kindOf(info);
      if (kind === KIND.Struct || kind === KIND.Union) this.#name(this.#structures, first + count, words[place]);
      else if (kind === KIND.Enum || kind === KIND.Enum64) this.#name(this.#enums, first + count, words[place]);
      starts[count++] = at;
      if (kind < KINDS) at += TYPE_SIZE + (FIXED[kind] as number) + (EACH[kind] as number) * vlenOf(info);
      else at = this.#afterUnknown(at, info);
    }
    this.#count = count;
    this.#walked = at;
    return true;
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

  #name(named: NamedTypes, id: number, offset = 0): void {
    if (offset !== 0) named.add(id, offset);
  }

  #afterUnknown(at: number, info: number): number {
    const size = this.#section.size(at, info);
    if (size % 4 !== 0) throw this.#section.types.error(at, `BTF type of ${size} bytes, which are not whole words`);
    return at + size;
  }
}
