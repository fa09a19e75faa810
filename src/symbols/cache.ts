// SPDX-License-Identifier: Apache-2.0
import type { SymbolTable } from './table.js';

/** Looks up symbols in a table, and remembers the answers. */
export class Symbols {
  readonly #found = new Map<string, bigint | null>();

  constructor(readonly table: SymbolTable) {}

  /** Run-time address of a symbol; undefined if the table does not have it. */
  get(name: string): bigint | undefined {
    let address = this.#found.get(name);
    if (address === undefined) {
      address = this.table.find(name);
      this.#found.set(name, address);
    }
    return address ?? undefined;
  }
}
