// SPDX-License-Identifier: Apache-2.0

/** Names and addresses of one kernel or module. */
export interface SymbolTable {
  /** For people: where the table comes from. */
  readonly source: string;
  /** Run-time address of a symbol, null without one; of several with one name the first. */
  find(name: string): bigint | null;
  /** The lowest symbol address above one that `find` gave. */
  next(address: bigint): bigint | null;
  /** Some functions whose names stand there once; for tables that do not tell which build they are of. */
  sample?(): (readonly [name: string, address: bigint])[];
}
