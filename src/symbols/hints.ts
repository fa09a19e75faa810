// SPDX-License-Identifier: Apache-2.0

/** The places that symbols had among the sorted names of the same build in earlier runs. The names next to a place prove it. */
export interface SymbolHints {
  /** The number of names before a name; undefined if it is not known. */
  rank(name: string): number | undefined;
  /** Notes what a search has found. */
  learnRank(name: string, rank: number): void;
}
