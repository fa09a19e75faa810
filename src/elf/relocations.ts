// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';
import { lowerBound } from '../core/search.js';
import type { ElfObject, Section } from './sections.js';

const RELA_SIZE = 24;
const SYM_SIZE = 24;
/** x86-64 psABI, "Relocation": those that put an address or an offset into data, and their bytes. */
const WIDTH: Readonly<Record<number, 4 | 8>> = { 1: 8, 10: 4, 11: 4 };

/** The relocations of one section (SHT_RELA); all sections lie at address 0, as in a file that is to be linked. */
export class Relocations {
  readonly #table: DataView;
  readonly #symbols: Bytes;
  /** Records in the order of their places, where the table is not in it. */
  readonly #order: Uint32Array | null;
  readonly #count: number;

  constructor(object: ElfObject, table: Section) {
    const bytes = object.bytes(table);
    this.#table = bytes.window(0, bytes.length);
    this.#count = Math.floor(bytes.length / RELA_SIZE);
    const symtab = object.sections[table.link];
    if (symtab === undefined) throw bytes.error(0, `section ${table.name} names no table of symbols`);
    this.#symbols = object.bytes(symtab);
    this.#order = this.#sorted();
  }

  /** Puts the relocated values into a piece of the section that begins at `start`. */
  apply(piece: Uint8Array, start: number): void {
    const view = new DataView(piece.buffer, piece.byteOffset, piece.length);
    const end = start + piece.length;
    for (let i = lowerBound(this.#count, (rank) => this.#place(rank) >= start); i < this.#count; i++) {
      const record = this.#record(i);
      const place = this.#table.getUint32(record, true) + this.#table.getUint32(record + 4, true) * 2 ** 32;
      if (place >= end) return;
      this.#put(view, place - start, record);
    }
  }

  /** A value that reaches over the piece's end belongs to nobody who reads whole entries. */
  #put(view: DataView, at: number, record: number): void {
    const type = this.#table.getUint32(record + 8, true);
    const symbol = this.#table.getUint32(record + 12, true);
    const width = WIDTH[type];
    if (width === undefined || at + width > view.byteLength) return;
    const base = this.#symbols.u32(symbol * SYM_SIZE + 8);
    const value = base + this.#table.getInt32(record + 16, true);
    view.setUint32(at, value, true);
    if (width === 8) view.setInt32(at + 4, this.#table.getInt32(record + 20, true), true);
  }

  #record(rank: number): number {
    return (this.#order === null ? rank : (this.#order[rank] as number)) * RELA_SIZE;
  }

  #place(rank: number): number {
    const record = this.#record(rank);
    return this.#table.getUint32(record, true) + this.#table.getUint32(record + 4, true) * 2 ** 32;
  }

  #sorted(): Uint32Array | null {
    let sorted = true;
    for (let i = 1; i < this.#count && sorted; i++)
      sorted =
        this.#table.getUint32(i * RELA_SIZE, true) >= this.#table.getUint32((i - 1) * RELA_SIZE, true) ||
        this.#table.getUint32(i * RELA_SIZE + 4, true) > 0;
    if (sorted) return null;
    const places = Float64Array.from(
      { length: this.#count },
      (_, i) => this.#table.getUint32(i * RELA_SIZE, true) + this.#table.getUint32(i * RELA_SIZE + 4, true) * 2 ** 32,
    );
    return Uint32Array.from(places.keys()).sort((a, b) => (places[a] as number) - (places[b] as number));
  }
}
