// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';
import { DumpError } from '../core/errors.js';
import { type ElfObject, SHT_SYMTAB } from '../elf/sections.js';
import type { SymbolTable } from './table.js';

const SYM_SIZE = 24;
const STT_SECTION = 3;
const STT_FILE = 4;

/** The symbols of a vmlinux. The addresses in the file are as linked; `slide` is the KASLR offset added to them. */
export class ElfSymbols implements SymbolTable {
  readonly source: string;
  readonly #slide: bigint;
  readonly #table: DataView;
  readonly #count: number;
  readonly #strings: Bytes;

  /** Throws `DumpError` if the file has no symbol table. */
  constructor(object: ElfObject, slide: bigint) {
    const { name } = object.file;
    const section = object.sections.find(({ type }) => type === SHT_SYMTAB);
    const strings = section === undefined ? undefined : object.sections[section.link];
    if (section === undefined || strings === undefined || !object.hasContents(section))
      throw new DumpError(`${name}: the file has no symbol table`, { code: 'wrong-file' });
    const table = object.bytes(section);
    this.source = `symbols of ${name}`;
    this.#slide = slide;
    this.#table = table.window(0, table.length);
    this.#count = Math.floor(table.length / SYM_SIZE);
    this.#strings = object.bytes(strings);
  }

  find(name: string): bigint | null {
    const places = this.#placesOf(name);
    for (let i = 0; i < this.#count && places.size > 0; i++)
      if (places.has(this.#table.getUint32(i * SYM_SIZE, true)) && this.#isPlaced(i))
        return this.#value(i) + this.#slide;
    return null;
  }

  next(address: bigint): bigint | null {
    const linked = address - this.#slide;
    let best: bigint | null = null;
    for (let i = 0; i < this.#count; i++) {
      const value = this.#value(i);
      if (this.#isPlaced(i) && value > linked && (best === null || value < best)) best = value;
    }
    return best === null ? null : best + this.#slide;
  }

  /** Whether a symbol has an address: it is not a section, a source file, or undefined. */
  #isPlaced(index: number): boolean {
    const type = this.#table.getUint8(index * SYM_SIZE + 4) & 15;
    return type !== STT_SECTION && type !== STT_FILE && this.#table.getUint16(index * SYM_SIZE + 6, true) !== 0;
  }

  #value(index: number): bigint {
    return this.#table.getBigUint64(index * SYM_SIZE + 8, true);
  }

  /** Offsets of a name in the string table; it may be the end of a longer name. */
  #placesOf(name: string): ReadonlySet<number> {
    const array = this.#strings.array();
    const strings = Buffer.from(array.buffer, array.byteOffset, array.length);
    const text = Buffer.from(`${name}\0`, 'latin1');
    const places = new Set<number>();
    for (let at = strings.indexOf(text); at >= 0; at = strings.indexOf(text, at + 1)) places.add(at);
    return places;
  }
}
