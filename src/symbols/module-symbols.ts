// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';
import type { Readable } from '../core/lazy-bytes.js';
import type { CountedTable } from './table.js';

const SYM_SIZE = 24;

/** The symbol table of a loaded module: Elf64_Sym records, whose values are run-time addresses, and their strings. */
export class ModuleSymbols implements CountedTable {
  readonly source: string;

  constructor(
    module: string,
    readonly symbols: Bytes,
    readonly strings: Readable,
  ) {
    this.source = `symbols of module ${module}`;
  }

  get count(): number {
    return Math.floor(this.symbols.length / SYM_SIZE);
  }

  find(name: string): bigint | null {
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

  /** Compares byte by byte, up to the NUL: most names begin as that of the module, and the bytes after a name may be missing in the dump. */
  #isNamed(offset: number, name: string): boolean {
    if (offset + name.length >= this.strings.length) return false;
    for (let i = 0; i < name.length; i++) if (this.strings.u8(offset + i) !== name.charCodeAt(i)) return false;
    return this.strings.u8(offset + name.length) === 0;
  }
}
