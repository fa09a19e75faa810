// SPDX-License-Identifier: Apache-2.0
import type { Abbreviation } from './abbrev.js';
import { AT, FORM, TAG } from './constants.js';
import { Cursor } from './cursor.js';
import type { Unit } from './entries.js';
import { FIXED, skipValue } from './values.js';

/** What is needed to step over an entry of one shape: where its name, its sibling and its flags stand. */
interface Plan {
  readonly shape: Abbreviation;
  /** A structure, union or enumeration that is more than a declaration. */
  readonly definition: boolean;
  /** Bytes of all values; -1 where that varies. */
  readonly size: number;
  /** From the first value on; -1 for none, or where that varies. */
  readonly name: number;
  readonly nameForm: number;
  readonly sibling: number;
}

const DEFINITIONS: ReadonlySet<number> = new Set([TAG.StructureType, TAG.UnionType, TAG.EnumerationType]);

/** A definition at the top of a unit: `strp` is its name's offset in .debug_str, or -1 where the name is elsewhere. */
export interface Definition {
  /** Of the entry, in .debug_info. */
  readonly offset: number;
  readonly strp: number;
  readonly enumeration: boolean;
}

/** Plans by abbreviation table; tables are shared by the units of a file. */
const plans = new WeakMap<object, Map<number, Plan>>();

/**
 * The structures, unions and enumerations that a unit defines at its top, in their order. Written for speed: a kernel's
 * debug information has millions of entries, of which few are wanted.
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
 * Whether a definition can have its name at this place of a unit: whether the code of an abbreviation that defines
 * something stands as far before it as the name does behind it. True, too, for what can't be told.
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
    const stands =
      code < 0x80
        ? view.getUint8(last) === code
        : last > 0 && view.getUint8(last) === code >>> 7 && view.getUint8(last - 1) === ((code & 0x7f) | 0x80);
    if (stands || code >= 0x4000) return true;
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
  if (shape === undefined) throw cursor.error(`no abbreviation ${code}`);
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

/** Where the value of an attribute stands behind others of varying size. */
function placeOf({ bytes, header }: Unit, { shape }: Plan, first: number, wanted: number): number {
  const cursor = new Cursor(bytes, first, header.end - header.start);
  for (const { name, form } of shape.attributes) {
    if (name === wanted) return cursor.at;
    skipValue(cursor, form, header);
  }
  return -1;
}

/** Forms of the size of an offset; DW_FORM_ref_addr is left out, its size depends on the version. */
const OFFSETS: ReadonlySet<number> = new Set([
  FORM.Strp,
  FORM.SecOffset,
  FORM.LineStrp,
  FORM.StrpSup,
  FORM.GnuRefAlt,
  FORM.GnuStrpAlt,
]);
