// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';
import { orNull } from '../core/errors.js';
import type { Readable } from '../core/lazy-bytes.js';
import { wordsOf } from '../core/words.js';
import type { CountedTable } from './table.js';

const SYM_SIZE = 24;
/** Words of 32 bits in a symbol; st_name is the first. */
const WORDS = SYM_SIZE / 4;

/** The symbol table of a loaded module: Elf64_Sym records, whose values are run-time addresses, and their strings. */
export class ModuleSymbols implements CountedTable {
  readonly source: string;
  readonly #words: Uint32Array;
  /** All names but the last, whose length is not recorded; null if they can't all be read, undefined until they are needed. */
  #names: Buffer | null | undefined;

  constructor(
    module: string,
    readonly symbols: Bytes,
    readonly strings: Readable,
  ) {
    this.source = `symbols of module ${module}`;
    this.#words = wordsOf(symbols.view);
  }

  get count(): number {
    return Math.floor(this.symbols.length / SYM_SIZE);
  }

  find(name: string): bigint | null {
    const place = this.#placeOf(name);
    if (place !== null) return this.symbols.u64(place * SYM_SIZE + 8);
    for (let at = 0; at + SYM_SIZE <= this.symbols.length; at += SYM_SIZE)
      if (this.#isNamed(this.symbols.u32(at), name)) return this.symbols.u64(at + 8);
    return null;
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
   * The number of the first symbol with a name, by the place of the name; null if it is not found that way. The kernel copies the names one
   * after another, in the order of the symbols (add_kallsyms in kernel/module/kallsyms.c).
   */
  #placeOf(name: string): number | null {
    if (this.#names === undefined) this.#names = this.#allNames();
    const [names, words] = [this.#names, this.#words];
    const offset = (names?.indexOf(`\0${name}\0`, 0, 'latin1') ?? -1) + 1;
    if (names === null || offset === 0) return null;
    for (let place = 0; place < this.count; place++) {
      const each = words[place * WORDS] as number;
      if (each === offset) return place;
      // In another order, a symbol before this one can have the same name.
      if (each > offset || (each > 0 && names[each - 1] !== 0)) return null;
    }
    return null;
  }

  #allNames(): Buffer | null {
    let last = 0;
    for (let at = 0; at < this.#words.length; at += WORDS) last = Math.max(last, this.#words[at] as number);
    const view = orNull(() => this.strings.window(0, last));
    return view === null ? null : Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  }

  /** Compares byte by byte, up to the NUL: most names begin like that of the module, and the bytes after a name may be missing in the dump. */
  #isNamed(offset: number, name: string): boolean {
    if (offset + name.length >= this.strings.length) return false;
    for (let i = 0; i < name.length; i++) if (this.strings.u8(offset + i) !== name.charCodeAt(i)) return false;
    return this.strings.u8(offset + name.length) === 0;
  }
}
