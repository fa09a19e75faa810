// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../../core/bytes.js';
import { Lru } from '../../core/lru.js';
import { FORM } from './constants.js';
import { Cursor } from './cursor.js';

/** More abbreviations in one table are damage; the largest table of a kernel has a few hundred. */
const MOST = 1_000_000;

/** An attribute of an abbreviation: DW_AT_* and DW_FORM_*. */
export interface Attribute {
  readonly name: number;
  readonly form: number;
  /** Value of DW_FORM_implicit_const. */
  readonly constant: number;
}

/** An abbreviation: tag and attributes of one kind of entry. */
export interface Abbreviation {
  readonly tag: number;
  readonly children: boolean;
  readonly attributes: readonly Attribute[];
}

/** A table of .debug_abbrev, by abbreviation code. */
export type Abbreviations = ReadonlyMap<number, Abbreviation>;

/** Most tables that are cached: those of the cached units, and some more. */
const KEPT = 64;
/**
 * How often the size of .debug_abbrev may be read before the file is considered damaged. Each unit reads its own table,
 * and in a crafted file thousands of units can share a table of a million entries.
 */
const MOST_READS = 256;
/** Bytes that may be read in addition, whatever the size of the section. */
const FREE = 1 << 24;

/** The tables of a .debug_abbrev section. Throws `DumpError` if a table has no end, or if too much is read in total. */
export class AbbreviationTables {
  readonly #section: Bytes;
  readonly #tables = new Lru<Abbreviations>(KEPT);
  readonly #single = new Lru<Abbreviation | null>(KEPT);
  #left: number;

  constructor(section: Bytes) {
    this.#section = section;
    this.#left = section.length * MOST_READS + FREE;
  }

  /** The table at an offset of the section. */
  table(offset: number): Abbreviations {
    let table = this.#tables.get(offset);
    if (table === undefined) {
      table = this.#parse(offset);
      this.#tables.set(offset, table);
    }
    return table;
  }

  /**
   * The abbreviation with a code; null if the table has none. The others are skipped without parsing: a kernel has
   * thousands of tables, most of which are read only for the abbreviation of their unit's own entry.
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
      if (table.size === MOST) throw cursor.error('an abbreviation table has no end');
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
      cursor.at = afterAttributes(array, cursor.at);
    }
  }

  #count(cursor: Cursor, from: number): void {
    this.#left -= cursor.at - from;
    if (this.#left < 0) throw cursor.error('abbreviation tables overlap too often: the file is damaged');
  }
}

/** Offset after the pair of zeros that ends a list of names and forms. */
function afterAttributes(array: Uint8Array, start: number): number {
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
    // The value of DW_FORM_implicit_const follows.
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
