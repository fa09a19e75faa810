// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../../core/bytes.js';
import { DumpError } from '../../core/errors.js';
import { Lru } from '../../core/lru.js';
import { lowerBound } from '../../core/search.js';
import { type Abbreviation, type Abbreviations, AbbreviationTables, type Attribute } from './abbrev.js';
import { AT, FORM } from './constants.js';
import { Cursor } from './cursor.js';
import type { DebugSections } from './sections.js';
import { LONGEST_HEADER, readUnitHeader, type UnitHeader } from './units.js';
import { numberValue, type Reference, referenceValue, skipValue, textValue, type UnitContext } from './values.js';

/** Bytes of the shortest unit header: length, version, offset of abbreviations, size of addresses. */
const SHORTEST_HEADER = 11;
/** Forms of a name that can be read without DW_AT_str_offsets_base. */
const NAMED: ReadonlySet<number> = new Set([FORM.String, FORM.Strp, FORM.LineStrp]);
/** Bytes up to the name in a unit's own entry: usually, and if the producer's command line precedes the name. */
const NEAR_ROOT = 64;
const LONGEST_ROOT = 4096;
/** Most units that are cached. */
const UNITS = 16;

/** A unit with its bytes. Offsets are relative to the section. */
export interface Unit extends UnitContext {
  readonly bytes: Bytes;
  readonly abbreviations: Abbreviations;
}

/** A debugging information entry, and where its values are. Offsets are relative to the section. */
export interface Entry {
  readonly unit: Unit;
  readonly offset: number;
  readonly tag: number;
  readonly children: boolean;
  /** Offset of the next entry: the first child, or else the sibling. */
  readonly next: number;
  /** Offset of the value of each attribute. */
  readonly values: ReadonlyMap<number, { readonly attribute: Attribute; readonly at: number }>;
}

/** The units and entries of a file of debug information. */
export class Entries {
  readonly #abbreviations: AbbreviationTables;
  readonly #units = new Lru<Unit>(UNITS);
  #starts: number[] | null = null;

  constructor(readonly sections: DebugSections) {
    this.#abbreviations = new AbbreviationTables(sections.abbrev);
  }

  /** Offset of each unit of .debug_info, ascending. Throws `DumpError` if a unit is truncated. */
  get starts(): readonly number[] {
    if (this.#starts !== null) return this.#starts;
    const starts: number[] = [];
    for (const { start } of this.headers()) starts.push(start);
    this.#starts = starts;
    return starts;
  }

  /** The headers of all units, those of .debug_types last. */
  *headers(): Generator<UnitHeader> {
    const { infoSize, typesSize } = this.sections;
    for (const [from, to] of [
      [0, infoSize],
      [infoSize, infoSize + typesSize],
    ] as const)
      for (let at = from; at + SHORTEST_HEADER <= to; ) {
        const header = this.#header(at);
        if (header.end > to)
          throw new DumpError(`${this.sections.name}: the unit at 0x${at.toString(16)} of .debug_info is truncated`);
        yield header;
        at = header.end;
      }
  }

  /** Offset of the unit that contains an offset of .debug_info. */
  unitAt(offset: number): number {
    const { starts } = this;
    return starts[lowerBound(starts.length, (i) => (starts[i] as number) > offset) - 1] ?? 0;
  }

  /** The name of a unit's source file, without reading the unit; null if it has none, or it can't be read that way. */
  unitName(start: number): string | null {
    const header = this.#header(start);
    try {
      return this.#rootName(header, NEAR_ROOT);
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      return this.#rootName(header, LONGEST_ROOT);
    }
  }

  #rootName(header: UnitHeader, most: number): string | null {
    const { start } = header;
    const cursor = new Cursor(this.sections.info(start, Math.min(header.end - start, most)), header.entries - start);
    const shape = this.#abbreviations.find(header.abbrevOffset, cursor.uleb());
    const unit = { header, sections: this.sections, stringsBase: 0 };
    for (const { name, form } of shape?.attributes ?? []) {
      if (name === AT.Name) return NAMED.has(form) ? textValue(cursor, form, unit) : null;
      skipValue(cursor, form, header);
    }
    return null;
  }

  /** The abbreviations of the unit at an offset. */
  abbreviations(start: number): Abbreviations {
    return this.#abbreviations.table(this.#header(start).abbrevOffset);
  }

  /** The unit at an offset. */
  unit(start: number): Unit {
    const known = this.#units.get(start);
    if (known !== undefined) return known;
    const header = this.#header(start);
    const bytes = this.sections.info(start, header.end - start);
    const unit = {
      header,
      bytes,
      sections: this.sections,
      abbreviations: this.#abbreviations.table(header.abbrevOffset),
      stringsBase: 0,
    };
    const based = { ...unit, stringsBase: this.#stringsBase(unit) };
    this.#units.set(start, based);
    return based;
  }

  /** The entry at an offset; null at the end of a list of siblings. */
  entry(unit: Unit, offset: number): Entry | null {
    const { start, end } = unit.header;
    const cursor = new Cursor(unit.bytes, offset - start, end - start);
    const code = cursor.uleb();
    if (code === 0) return null;
    const shape = shapeOf(unit, code, cursor);
    const values = new Map<number, { attribute: Attribute; at: number }>();
    for (const attribute of shape.attributes) {
      values.set(attribute.name, { attribute, at: start + cursor.at });
      skipValue(cursor, attribute.form, unit.header);
    }
    return { unit, offset, tag: shape.tag, children: shape.children, next: start + cursor.at, values };
  }

  /** The children of an entry. */
  *children(entry: Entry): Generator<Entry> {
    if (!entry.children) return;
    for (let at = entry.next; at < entry.unit.header.end; ) {
      const child = this.entry(entry.unit, at);
      if (child === null) return;
      yield child;
      at = this.#after(child);
    }
  }

  /** The text of an attribute (DW_AT_*); null if the entry does not have it. */
  text(entry: Entry, name: number): string | null {
    const value = entry.values.get(name);
    return value === undefined ? null : textValue(this.#cursor(entry.unit, value.at), value.attribute.form, entry.unit);
  }

  /** The number of an attribute; null if the entry does not have it, or it is not a number. */
  number(entry: Entry, name: number): number | null {
    const value = entry.values.get(name);
    return value === undefined ? null : numberValue(this.#cursor(entry.unit, value.at), value.attribute, entry.unit);
  }

  /** The reference of an attribute; null if the entry does not have it, or it is not a reference. */
  reference(entry: Entry, name: number): Reference | null {
    const value = entry.values.get(name);
    return value === undefined ? null : referenceValue(this.#cursor(entry.unit, value.at), value.attribute, entry.unit);
  }

  /** Offset after an entry and all of its descendants. */
  #after(entry: Entry): number {
    if (!entry.children) return entry.next;
    const sibling = this.reference(entry, AT.Sibling);
    if (sibling?.kind === 'info' && sibling.offset > entry.offset && sibling.offset <= entry.unit.header.end)
      return sibling.offset;
    let depth = 1;
    let at = entry.next;
    while (depth > 0 && at < entry.unit.header.end) {
      const below = this.entry(entry.unit, at);
      if (below === null) {
        depth--;
        at++;
        continue;
      }
      if (below.children) depth++;
      at = below.next;
    }
    return at;
  }

  #cursor({ bytes, header }: Unit, at: number): Cursor {
    return new Cursor(bytes, at - header.start);
  }

  #header(start: number): UnitHeader {
    const { infoSize, typesSize } = this.sections;
    const inTypes = start >= infoSize;
    const rest = infoSize - start + (inTypes ? typesSize : 0);
    return readUnitHeader(this.sections.info(start, Math.min(LONGEST_HEADER, rest)), start, inTypes);
  }

  /** DW_AT_str_offsets_base of the unit's own entry; without it, the end of the header of .debug_str_offsets. */
  #stringsBase(unit: Unit): number {
    const root = this.entry(unit, unit.header.entries);
    const base = root === null ? null : this.number(root, AT.StrOffsetsBase);
    return base ?? (unit.header.version >= 5 ? (unit.header.offsetSize === 8 ? 16 : 8) : 0);
  }
}

function shapeOf({ abbreviations }: Unit, code: number, cursor: Cursor): Abbreviation {
  const shape = abbreviations.get(code);
  if (shape === undefined) throw cursor.error(`abbreviation ${code} not found`);
  return shape;
}
