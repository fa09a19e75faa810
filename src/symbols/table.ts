// SPDX-License-Identifier: Apache-2.0

/** Names and addresses of one kernel or module. */
export interface SymbolTable {
  /** For people: where the table comes from. */
  readonly source: string;
  /** Run-time addresses of those of the names that exist; a name that occurs twice counts once, the first. */
  find(names: readonly string[]): Map<string, bigint>;
  /** The lowest symbol address above this one. */
  next(address: bigint): bigint | null;
}
