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

export const parseAbbreviations = (section: Bytes, offset: number): Abbreviations =>
  new Map(abbreviationsAt(section, offset));

/** One abbreviation of a table; null when it has none of this code. */
export function findAbbreviation(section: Bytes, offset: number, wanted: number): Abbreviation | null {
  for (const [code, shape] of abbreviationsAt(section, offset)) if (code === wanted) return shape;
  return null;
}

function* abbreviationsAt(section: Bytes, offset: number): Generator<readonly [number, Abbreviation]> {
  const cursor = new Cursor(section, offset);
  let count = 0;
  for (let code = cursor.uleb(); code !== 0; code = cursor.uleb()) {
    if (count++ === MOST) throw cursor.error('a table of abbreviations without end');
    const tag = cursor.uleb();
    const children = cursor.u8() === 1;
    yield [code, { tag, children, attributes: attributesOf(cursor) }];
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
