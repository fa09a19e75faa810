// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../core/errors.js';
import type { Readable } from '../core/lazy-bytes.js';
import { lowerBound } from '../core/search.js';
import { wordsOf } from '../core/words.js';
import type { CountedTable } from './table.js';

const SYM_SIZE = 24;
/** Words of 32 bits in a symbol; st_name is the first. */
const WORDS = SYM_SIZE / 4;
/** KSYM_NAME_LEN. */
const LONGEST_NAME = 512;
/** Bytes of names that are searched at once. */
const STEP = 4096;

/** Returns the first bytes of the names. */
type NamesOf = (length: number) => Readable;

/** The symbol table of a loaded module: Elf64_Sym records, whose values are run-time addresses, and their names. */
export class ModuleSymbols implements CountedTable {
  readonly source: string;
  /** All names. The length of the last one is not recorded. Null until they are needed. */
  #names: Readable | null = null;

  constructor(
    readonly module: string,
    readonly symbols: Readable,
    readonly namesOf: NamesOf,
  ) {
    this.source = `symbols of module ${module}`;
  }

  get count(): number {
    return Math.floor(this.symbols.length / SYM_SIZE);
  }

  /** The address of a symbol with a name, the first if the table is in the kernel's order; null if there is none. */
  find(name: string): bigint | null {
    const place = orNull(() => this.#placeInOrder(name)) ?? this.#firstPlace(name);
    return place === null ? null : this.symbols.u64(place * SYM_SIZE + 8);
  }

  next(address: bigint): bigint | null {
    let best: bigint | null = null;
    for (let at = 0; at + SYM_SIZE <= this.symbols.length; at += SYM_SIZE) {
      const value = this.symbols.u64(at + 8);
      if (value > address && (best === null || value < best)) best = value;
    }
    return best;
  }

  /**
   * The number of the first symbol with a name; null if it is not found in this way. The kernel copies the names one after
   * another, in the order of the symbols (add_kallsyms in kernel/module/kallsyms.c). So a part of the table shows where the symbol is.
   */
  #placeInOrder(name: string): number | null {
    const nameOf = (place: number): number => this.symbols.u32(place * SYM_SIZE);
    const offset = this.#offsetOf(name, nameOf(this.count - 1));
    if (offset === null) return null;
    const place = lowerBound(this.count, (each) => nameOf(each) >= offset);
    return place < this.count && nameOf(place) === offset ? place : null;
  }

  /** Offset of the first place where a name stands between two NULs, at most `last`; null if there is none. */
  #offsetOf(name: string, last: number): number | null {
    const wanted = `\0${name}\0`;
    const names = this.namesOf(this.#lengthFor(last));
    for (let at = 0; at <= last; at += STEP) {
      const { buffer, byteOffset, byteLength } = names.window(at, STEP + wanted.length - 1);
      const found = Buffer.from(buffer, byteOffset, byteLength).indexOf(wanted, 0, 'latin1');
      if (found >= 0) return at + found + 1;
    }
    return null;
  }

  /** The number of the first symbol with a name, in any order; null if there is none. */
  #firstPlace(name: string): number | null {
    this.#names ??= this.#allNames();
    for (let place = 0; place < this.count; place++)
      if (isAt(this.#names, this.symbols.u32(place * SYM_SIZE), name)) return place;
    return null;
  }

  #allNames(): Readable {
    const words = wordsOf(this.symbols.window(0, this.symbols.length));
    let last = 0;
    for (let at = 0; at < words.length; at += WORDS) last = Math.max(last, words[at] as number);
    return this.namesOf(this.#lengthFor(last));
  }

  /** Length of the names if the last one begins at an offset: their size is not recorded. Throws `DumpError` if that is too large. */
  #lengthFor(last: number): number {
    if (last <= this.count * LONGEST_NAME) return last + LONGEST_NAME;
    throw new DumpError(`module ${this.module}: the name of a symbol can't be at offset ${last} of the string table`);
  }
}

/** Compares byte by byte, up to the NUL: most names begin like that of the module, and the bytes after a name may be missing in the dump. */
function isAt(names: Readable, offset: number, name: string): boolean {
  if (offset + name.length >= names.length) return false;
  for (let i = 0; i < name.length; i++) if (names.u8(offset + i) !== name.charCodeAt(i)) return false;
  return names.u8(offset + name.length) === 0;
}
