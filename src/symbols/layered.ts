// SPDX-License-Identifier: Apache-2.0
import type { SymbolTable } from './table.js';

/** Several symbol tables of one kernel. A symbol is taken from the first table that has it. */
export class LayeredSymbols implements SymbolTable {
  readonly source: string;
  readonly #tables: readonly SymbolTable[];
  /** The table that gave each address: only that table can say which symbol is next. */
  readonly #owners = new Map<bigint, SymbolTable>();

  constructor(tables: readonly SymbolTable[]) {
    this.#tables = tables;
    this.source = tables.map(({ source }) => source).join(', ');
  }

  find(name: string): bigint | null {
    for (const table of this.#tables) {
      const address = table.find(name);
      if (address === null) continue;
      this.#owners.set(address, table);
      return address;
    }
    return null;
  }

  next(address: bigint): bigint | null {
    return this.#owners.get(address)?.next(address) ?? null;
  }
}
