// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import type { Abbreviations } from './abbrev.js';
import { AT, FORM, TAG } from './constants.js';
import type { Entries, Entry, Unit } from './entries.js';
import { definitionsOf, namedDefinitionAt } from './unit-index.js';

/** Bytes of .debug_info that are searched at a time. */
const WINDOW = 1024 * 1024;
/** Compilers write a name into its entry only if it is no longer than an offset into .debug_str; doubled for safety. */
const SHORT = 8;

/** Offsets of an entry and of its unit in .debug_info. */
export interface Place {
  readonly unit: number;
  readonly entry: number;
}

export type DefinitionKind = 'structure' | 'enumeration';

/** Finds definitions by name. */
export interface Definitions {
  /** The first full definition with a name; null if there is none. */
  find(kind: DefinitionKind, name: string): Place | null;
}

/**
 * Finds structures, unions and enumerations by name: the first full definition at the top level of a unit. A kernel's
 * .debug_info has hundreds of megabytes and no index, so units that are likely to have the definition are read first;
 * the others are only searched for the bytes of the name, or of its offset in .debug_str.
 */
export class SearchedDefinitions implements Definitions {
  readonly #entries: Entries;
  readonly #likely: readonly string[];
  readonly #found = new Map<string, Place>();
  readonly #absent = new Set<string>();
  readonly #indexed = new Set<number>();
  readonly #names = new Map<number, string>();
  #begun = false;

  /** `likely`: units of source files whose names end with one of these are read first. */
  constructor(entries: Entries, likely: readonly string[]) {
    this.#entries = entries;
    this.#likely = likely;
  }

  find(kind: DefinitionKind, name: string): Place | null {
    // Damage can take the name from a declaration. No entry is named '', and every zero byte would match it.
    if (name === '') return null;
    const key = `${kind} ${name}`;
    if (this.#absent.has(key)) return null;
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    const needles = needlesFor(this.#entries, name);
    if (needles.length > 0) {
      this.#begin();
      if (!this.#found.has(key)) this.#search(key, needles);
    }
    if (!this.#found.has(key)) this.#searchOpaque(key);
    const found = this.#found.get(key) ?? null;
    if (found === null) this.#absent.add(key);
    return found;
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    if (this.#likely.length === 0) return;
    for (const start of this.#entries.starts) {
      const name = this.#entries.unitName(start);
      if (name !== null && this.#likely.some((end) => name.endsWith(end))) this.#index(this.#entries.unit(start));
    }
  }

  #search(key: string, needles: readonly Buffer[]): void {
    const { infoSize, typesSize } = this.#entries.sections;
    const end = infoSize + typesSize;
    for (let start = 0; start < end; start += WINDOW) {
      const inInfo = start < infoSize;
      // The two sections are searched separately. Windows overlap, so that a name across their border is found.
      const length = Math.min((inInfo ? infoSize : end) - start, WINDOW + 2 * SHORT);
      for (const at of hits(this.#entries.sections.info(start, length).array(), needles)) {
        this.#tryAt(start + at);
        if (this.#found.has(key)) return;
      }
      if (inInfo && start + WINDOW > infoSize) start = infoSize - WINDOW;
    }
  }

  /** Reads the unit of a hit, if the hit can be the name in a definition. */
  #tryAt(place: number): void {
    const start = this.#entries.unitAt(place);
    if (this.#indexed.has(start)) return;
    const unit = this.#entries.unit(start);
    if (namedDefinitionAt(unit, place - start)) this.#index(unit);
  }

  /** Units whose names are indices, or are in another file, can't be searched: they are read as a whole. */
  #searchOpaque(key: string): void {
    const { alternate, strOffsets } = this.#entries.sections;
    if (alternate === null && strOffsets === null) return;
    for (const start of this.#entries.starts) {
      if (this.#indexed.has(start) || isPlain(this.#entries.abbreviations(start))) continue;
      this.#index(this.#entries.unit(start));
      if (this.#found.has(key)) return;
    }
  }

  #index(unit: Unit): void {
    this.#indexed.add(unit.header.start);
    for (const { offset, strp, enumeration } of definitionsOf(unit)) {
      const name = strp < 0 ? this.#inlineName(unit, offset) : this.#textAt(strp);
      const key = `${enumeration ? 'enumeration' : 'structure'} ${name}`;
      if (name === '' || this.#found.has(key)) continue;
      // If the structure is in a type unit, this unit has only a declaration of it.
      const entry = this.#entries.entry(unit, offset);
      if (entry !== null && isWhole(this.#entries, entry))
        this.#found.set(key, { unit: unit.header.start, entry: offset });
    }
  }

  #inlineName(unit: Unit, offset: number): string {
    const entry = this.#entries.entry(unit, offset);
    return entry === null ? '' : (this.#entries.text(entry, AT.Name) ?? '');
  }

  #textAt(strp: number): string {
    let text = this.#names.get(strp);
    if (text === undefined) {
      const { str, name } = this.#entries.sections;
      if (str === null || strp >= str.length)
        throw new DumpError(`${name}: a name at 0x${strp.toString(16)} is past the end of .debug_str`);
      text = str.text(strp, Math.min(256, str.length - strp));
      this.#names.set(strp, text);
    }
    return text;
  }
}

const isWhole = (entries: Entries, entry: Entry): boolean =>
  entry.tag === TAG.EnumerationType || entries.number(entry, AT.ByteSize) !== null;

/** Whether entries contain their names, or offsets of them in a string section, but not indices. */
function isPlain(abbreviations: Abbreviations): boolean {
  for (const { attributes } of abbreviations.values())
    for (const { name, form } of attributes)
      if (name === AT.Name && form !== FORM.Strp && form !== FORM.String && form !== FORM.LineStrp) return false;
  return true;
}

/**
 * The bytes to look for in .debug_info: the name itself if it is short, and its offsets in .debug_str. There may be
 * several, as linkers let a name share the end of a longer one.
 */
function needlesFor({ sections }: Entries, name: string): Buffer[] {
  const text = Buffer.from(`${name}\0`, 'latin1');
  const array = sections.str?.array() ?? new Uint8Array(0);
  const strings = Buffer.from(array.buffer, array.byteOffset, array.length);
  const needles = text.length <= SHORT || array.length === 0 ? [text] : [];
  for (let at = strings.indexOf(text); at >= 0; at = strings.indexOf(text, at + 1)) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(at);
    needles.push(bytes);
  }
  return needles;
}

/** Offsets at which a needle is found, those of the first needle first. */
function* hits(array: Uint8Array, needles: readonly Buffer[]): Generator<number> {
  const bytes = Buffer.from(array.buffer, array.byteOffset, array.length);
  for (const needle of needles) {
    // Many bytes of debug information are 0: a search for a needle that begins with 0 would stop too often.
    const skip = needle[0] === 0 ? 1 : 0;
    const part = needle.subarray(skip);
    for (let at = bytes.indexOf(part, skip); at >= 0; at = bytes.indexOf(part, at + 1))
      if (skip === 0 || bytes[at - 1] === 0) yield at - skip;
  }
}
