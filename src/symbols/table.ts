// SPDX-License-Identifier: Apache-2.0

/** The symbols of one kernel or module. */
export interface SymbolTable {
  /** For display: where the table is from. */
  readonly source: string;
  /** Run-time address of a symbol; null if there is none. Of several symbols with the same name, the first in the order of the kernel. */
  find(name: string): bigint | null;
  /** The lowest address of a symbol above an address that `find` returned; null if unknown. */
  next(address: bigint): bigint | null;
  /** Some functions with unique names, to check tables that do not record which build they are from. */
  sample?(): (readonly [name: string, address: bigint])[];
}

/** A table of which it is known how many symbols it has. */
export interface CountedTable extends SymbolTable {
  readonly count: number;
}
