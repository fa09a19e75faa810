// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../../core/bytes.js';
import { Lru } from '../../core/lru.js';
import { FORM } from './constants.js';
import { Cursor } from './cursor.js';

/** More abbreviations than this in one table are damage; a kernel's largest has a few hundred. */
const MOST = 1_000_000;

export interface Attribute {
  readonly name: number;
  readonly form: number;
  /** Value of DW_FORM_implicit_const. */
  readonly constant: number;
}

/** The shape of one kind of entry. */
export interface Abbreviation {
  readonly tag: number;
  readonly children: boolean;
  readonly attributes: readonly Attribute[];
}

/** A table of .debug_abbrev, by code. */
export type Abbreviations = ReadonlyMap<number, Abbreviation>;

/** Tables that are kept: those of the units that are kept, and a few more. */
const KEPT = 64;
/**
 * How often all of .debug_abbrev may be read before the file is taken for damaged: each unit reads its own table, and a
 * file can be made whose thousands of units share one of a million entries.
 */
const MOST_READS = 256;
/** Bytes that are read whatever the section's size. */
const FREE = 1 << 24;

/** The tables of a .debug_abbrev. Throws `DumpError` where one has no end, and where the reading has none. */
export class AbbreviationTables {
  readonly #section: Bytes;
  readonly #tables = new Lru<Abbreviations>(KEPT);
  readonly #single = new Lru<Abbreviation | null>(KEPT);
  #left: number;

  constructor(section: Bytes) {
    this.#section = section;
    this.#left = section.length * MOST_READS + FREE;
  }

  table(offset: number): Abbreviations {
    let table = this.#tables.get(offset);
    if (table === undefined) {
      table = this.#parse(offset);
      this.#tables.set(offset, table);
    }
    return table;
  }

  /**
   * One abbreviation of a table; null when it has none of this code. The others are only stepped over: a kernel has
   * thousands of tables, of which one entry is wanted to tell what its unit is.
   */
  find(offset: number, code: number): Abbreviation | null {
    if (code >= MOST) return this.#search(offset, code);
    const key = offset * MOST + code;
    let found = this.#single.get(key);
    if (found === undefined) {
      found = this.#tables.get(offset)?.get(code) ?? this.#search(offset, code);
      this.#single.set(key, found);
    }
    return found;
  }

  #parse(offset: number): Abbreviations {
    const cursor = new Cursor(this.#section, offset);
    const table = new Map<number, Abbreviation>();
    for (let code = cursor.uleb(); code !== 0; code = cursor.uleb()) {
      if (table.size === MOST) throw cursor.error('a table of abbreviations without end');
      const tag = cursor.uleb();
      const children = cursor.u8() === 1;
      table.set(code, { tag, children, attributes: attributesOf(cursor) });
    }
    this.#count(cursor, offset);
    return table;
  }

  #search(offset: number, wanted: number): Abbreviation | null {
    const array = this.#section.array();
    const cursor = new Cursor(this.#section, offset);
    for (;;) {
      const code = cursor.uleb();
      const tag = code === 0 ? 0 : cursor.uleb();
      const children = code !== 0 && cursor.u8() === 1;
      if (code === 0 || code === wanted) {
        this.#count(cursor, offset);
        return code === 0 ? null : { tag, children, attributes: attributesOf(cursor) };
      }
      cursor.at = behindAttributes(array, cursor.at);
    }
  }

  #count(cursor: Cursor, from: number): void {
    this.#left -= cursor.at - from;
    if (this.#left < 0) throw cursor.error('tables of abbreviations that lie in each other: a damaged file');
  }
}

/** Where the pair of zeros ends that ends a row of names and forms. */
function behindAttributes(array: Uint8Array, start: number): number {
  let at = start;
  for (;;) {
    let name = 0;
    let form = 0;
    let byte: number;
    do {
      byte = array[at++] ?? 0;
      name |= byte;
    } while (byte >= 0x80);
    const first = at;
    do {
      byte = array[at++] ?? 0;
      form |= byte;
    } while (byte >= 0x80);
    if (name === 0 && form === 0) return at;
    // DW_FORM_implicit_const has its value here.
    if (at - first === 1 && form === FORM.ImplicitConst) while ((array[at++] ?? 0) >= 0x80);
  }
}

function attributesOf(cursor: Cursor): Attribute[] {
  const attributes: Attribute[] = [];
  for (;;) {
    const name = cursor.uleb();
    const form = cursor.uleb();
    const constant = form === FORM.ImplicitConst ? cursor.sleb() : 0;
    if (name === 0 && form === 0) return attributes;
    attributes.push({ name, form, constant });
  }
}
