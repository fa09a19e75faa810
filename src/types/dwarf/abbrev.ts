// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../../core/bytes.js';
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

export function parseAbbreviations(section: Bytes, offset: number): Abbreviations {
  const cursor = new Cursor(section, offset);
  const table = new Map<number, Abbreviation>();
  for (let code = cursor.uleb(); code !== 0; code = cursor.uleb()) {
    if (table.size === MOST) throw cursor.error('a table of abbreviations without end');
    const tag = cursor.uleb();
    const children = cursor.u8() === 1;
    table.set(code, { tag, children, attributes: attributesOf(cursor) });
  }
  return table;
}

/**
 * One abbreviation of a table; null when it has none of this code. The others are only stepped over: a kernel has
 * thousands of tables, of which one entry is wanted to tell what its unit is.
 */
export function findAbbreviation(section: Bytes, offset: number, wanted: number): Abbreviation | null {
  const array = section.array();
  const cursor = new Cursor(section, offset);
  for (let count = 0; count < MOST; count++) {
    const code = cursor.uleb();
    if (code === 0) return null;
    const tag = cursor.uleb();
    const children = cursor.u8() === 1;
    if (code === wanted) return { tag, children, attributes: attributesOf(cursor) };
    cursor.at = behindAttributes(array, cursor.at);
  }
  throw cursor.error('a table of abbreviations without end');
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
