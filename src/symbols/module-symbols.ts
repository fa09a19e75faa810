// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';
import type { SymbolTable } from './table.js';

const SYM_SIZE = 24;

/** A loaded module's own symbol table: Elf64_Sym records and their strings; values are run-time addresses. */
export class ModuleSymbols implements SymbolTable {
  readonly source: string;

  /** `strings` is as much of the string table as could be read. */
  constructor(
    module: string,
    readonly symbols: Bytes,
    readonly strings: Bytes,
  ) {
    this.source = `symbols of module ${module}`;
  }

  find(names: readonly string[]): Map<string, bigint> {
    const found = new Map<string, bigint>();
    const wanted = names.map((name) => ({ name, bytes: Buffer.from(`${name}\0`, 'latin1') }));
    const strings = this.strings.array();
    for (let at = 0; at + SYM_SIZE <= this.symbols.length; at += SYM_SIZE) {
      const start = this.symbols.u32(at);
      const first = strings[start];
      if (first === undefined) continue;
      for (const { name, bytes } of wanted)
        if (first === bytes[0] && !found.has(name) && bytes.compare(strings, start, start + bytes.length) === 0)
          found.set(name, this.symbols.u64(at + 8));
    }
    return found;
  }

  next(address: bigint): bigint | null {
    let best: bigint | null = null;
    for (let at = 0; at + SYM_SIZE <= this.symbols.length; at += SYM_SIZE) {
      const value = this.symbols.u64(at + 8);
      if (value > address && (best === null || value < best)) best = value;
    }
    return best;
  }
}
