// SPDX-License-Identifier: Apache-2.0
import type { SymbolTable } from './table.js';

/** A symbol table that looks up each name once. */
export class Symbols {
  readonly #found = new Map<string, bigint | null>();

  constructor(readonly table: SymbolTable) {}

  get(name: string): bigint | undefined {
    let address = this.#found.get(name);
    if (address === undefined) {
      address = this.table.find(name);
      this.#found.set(name, address);
    }
    return address ?? undefined;
  }
}
