// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';
import type { ElfObject, Section } from './sections.js';

const RELA_SIZE = 24;
const SYM_SIZE = 24;
/** Relocation types that write an address or an offset into data; their width in bytes (x86-64 psABI, "Relocation"). */
const WIDTH: Readonly<Record<number, 4 | 8>> = { 1: 8, 10: 4, 11: 4 };

/** The relocations (SHT_RELA) of one section of a relocatable file. */
export class Relocations {
  readonly #table: DataView;
  readonly #symbols: Bytes;
  readonly #bases: ReadonlyMap<number, number>;

  /** `bases`: base offsets of sections by section number; 0 for those not in it. Throws `DumpError`. */
  constructor(object: ElfObject, table: Section, bases: ReadonlyMap<number, number>) {
    const bytes = object.bytes(table);
    this.#table = bytes.window(0, bytes.length);
    const symtab = object.sections[table.link];
    if (symtab === undefined) throw bytes.error(0, `section ${table.name} does not refer to a symbol table`);
    this.#symbols = object.bytes(symtab);
    this.#bases = bases;
  }

  /** Writes the relocated values into the section's bytes. */
  apply(section: Uint8Array): void {
    const view = new DataView(section.buffer, section.byteOffset, section.length);
    const table = this.#table;
    for (let record = 0; record + RELA_SIZE <= table.byteLength; record += RELA_SIZE) {
      const width = WIDTH[table.getUint32(record + 8, true)];
      const place = table.getUint32(record, true) + table.getUint32(record + 4, true) * 2 ** 32;
      if (width === undefined || place + width > view.byteLength) continue;
      const value = this.#valueOf(table.getUint32(record + 12, true)) + table.getInt32(record + 16, true);
      view.setUint32(place, value, true);
      if (width === 8) view.setInt32(place + 4, table.getInt32(record + 20, true), true);
    }
  }

  /** The low half of a symbol's value, which is its offset in its section, plus the section's base. */
  #valueOf(symbol: number): number {
    const at = symbol * SYM_SIZE;
    return this.#symbols.u32(at + 8) + (this.#bases.get(this.#symbols.u16(at + 6)) ?? 0);
  }
}
