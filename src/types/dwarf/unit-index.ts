// SPDX-License-Identifier: Apache-2.0
import type { Abbreviation } from './abbrev.js';
import { AT, FORM, TAG } from './constants.js';
import { Cursor } from './cursor.js';
import type { Unit } from './entries.js';
import { FIXED, skipValue } from './values.js';

/** What is needed to skip an entry of one abbreviation, and to read its name. */
interface Plan {
  readonly shape: Abbreviation;
  /** Whether it is a structure, union or enumeration, and not only a declaration. */
  readonly definition: boolean;
  /** Bytes of all values; -1 if that varies. */
  readonly size: number;
  /** Offsets of the name and the sibling from the first value; -1 if there is none, or it varies. */
  readonly name: number;
  readonly nameForm: number;
  readonly sibling: number;
}

const DEFINITIONS: ReadonlySet<number> = new Set([TAG.StructureType, TAG.UnionType, TAG.EnumerationType]);

/** A definition at the top level of a unit. */
export interface Definition {
  /** Offset of the entry in .debug_info. */
  readonly offset: number;
  /** Offset of the name in .debug_str; -1 if the name is elsewhere. */
  readonly strp: number;
  readonly enumeration: boolean;
}

/** Plans by abbreviation table. Units of a file may share a table. */
const plans = new WeakMap<object, Map<number, Plan>>();

/**
 * The structures, unions and enumerations that a unit defines at its top level, in order. Written for speed: a kernel's
 * debug information has millions of entries, of which few are needed.
 */
export function* definitionsOf(unit: Unit): Generator<Definition> {
  const { header, bytes } = unit;
  const { start, offsetSize } = header;
  const view = bytes.window(0, bytes.length);
  const end = header.end - start;
  const known = plansOf(unit);
  const cursor = new Cursor(bytes, header.entries - start, end);
  let depth = 0;
  while (cursor.at < end) {
    const offset = cursor.at;
    const code = cursor.uleb();
    if (code === 0) {
      if (--depth <= 0) return;
      continue;
    }
    const plan = known.get(code) ?? planFor(unit, code, cursor, known);
    const first = cursor.at;
    if (plan.size < 0) for (const { form } of plan.shape.attributes) skipValue(cursor, form, header);
    else cursor.skip(plan.size);
    if (depth === 1 && plan.definition) {
      const nameAt = plan.name < 0 ? placeOf(unit, plan, first, AT.Name) : first + plan.name;
      const inline = plan.nameForm !== FORM.Strp;
      if (nameAt >= 0)
        yield {
          offset: start + offset,
          strp: inline ? -1 : offsetSize === 4 ? view.getUint32(nameAt, true) : Number(view.getBigUint64(nameAt, true)),
          enumeration: plan.shape.tag === TAG.EnumerationType,
        };
    }
    if (!plan.shape.children) {
      if (depth === 0) return;
      continue;
    }
    const sibling = depth === 0 || plan.sibling < 0 ? 0 : view.getUint32(first + plan.sibling, true);
    if (sibling > cursor.at && sibling <= end) cursor.at = sibling;
    else depth++;
  }
}

/**
 * Whether the name of a definition can be at offset `at` of a unit: whether the code of a defining abbreviation is at
 * the distance before it that the abbreviation implies. True also if that can't be decided.
 */
export function namedDefinitionAt(unit: Unit, at: number): boolean {
  const known = plansOf(unit);
  const view = unit.bytes.window(0, unit.bytes.length);
  const cursor = new Cursor(unit.bytes);
  for (const [code, shape] of unit.abbreviations) {
    if (!DEFINITIONS.has(shape.tag)) continue;
    const plan = known.get(code) ?? planFor(unit, code, cursor, known);
    if (!plan.definition) continue;
    if (plan.name < 0) return true;
    const last = at - plan.name - 1;
    if (last < 0) continue;
    const isThere =
      code < 0x80
        ? view.getUint8(last) === code
        : last > 0 && view.getUint8(last) === code >>> 7 && view.getUint8(last - 1) === ((code & 0x7f) | 0x80);
    if (isThere || code >= 0x4000) return true;
  }
  return false;
}

function plansOf({ abbreviations }: Unit): Map<number, Plan> {
  let known = plans.get(abbreviations);
  if (known === undefined) {
    known = new Map();
    plans.set(abbreviations, known);
  }
  return known;
}

function planFor(unit: Unit, code: number, cursor: Cursor, known: Map<number, Plan>): Plan {
  const shape = unit.abbreviations.get(code);
  if (shape === undefined) throw cursor.error(`abbreviation ${code} not found`);
  const { offsetSize, addressSize } = unit.header;
  let size = 0;
  const places = new Map<number, number>();
  for (const { name, form } of shape.attributes) {
    places.set(name, size);
    const length = FIXED[form] ?? (OFFSETS.has(form) ? offsetSize : form === FORM.Addr ? addressSize : -1);
    size = size < 0 || length < 0 ? -1 : size + length;
  }
  const form = (name: number) => shape.attributes.find((attribute) => attribute.name === name)?.form ?? 0;
  const plan = {
    shape,
    definition: DEFINITIONS.has(shape.tag) && !places.has(AT.Declaration) && places.has(AT.Name),
    size,
    name: places.get(AT.Name) ?? -1,
    nameForm: form(AT.Name),
    sibling: form(AT.Sibling) === FORM.Ref4 ? (places.get(AT.Sibling) ?? -1) : -1,
  };
  known.set(code, plan);
  return plan;
}

/** Offset in the unit of the value of an attribute that follows values of varying size; -1 if there is none. */
function placeOf({ bytes, header }: Unit, { shape }: Plan, first: number, wanted: number): number {
  const cursor = new Cursor(bytes, first, header.end - header.start);
  for (const { name, form } of shape.attributes) {
    if (name === wanted) return cursor.at;
    skipValue(cursor, form, header);
  }
  return -1;
}

/** Forms with the size of an offset. DW_FORM_ref_addr is not one: its size depends on the version. */
const OFFSETS: ReadonlySet<number> = new Set([
  FORM.Strp,
  FORM.SecOffset,
  FORM.LineStrp,
  FORM.StrpSup,
  FORM.GnuRefAlt,
  FORM.GnuStrpAlt,
]);
