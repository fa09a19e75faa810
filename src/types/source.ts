// SPDX-License-Identifier: Apache-2.0

/** A member of a structure as a compiler laid it out. Sizes and offsets in bytes. */
export interface Member {
  readonly offset: number;
  /** Of the whole member; 0 for a flexible array. */
  readonly size: number;
  /** Elements of an array, 0 for a flexible one; 1 for anything else. */
  readonly count: number;
  /** Bytes of one element of an array; else the same as `size`. */
  readonly element: number;
  /** What an element is. */
  readonly kind: 'number' | 'pointer' | 'struct' | 'other';
}

/** Structures of a kernel, from whatever describes them. */
export interface TypeSource {
  /** For people: where the descriptions come from. */
  readonly source: string;
  /** Bytes of `struct name` (or union); null when it is not described in full. */
  sizeOf(name: string): number | null;
  /** A member by name, or by a path through members (`f_path.dentry`); unnamed structures inside are looked through. */
  member(name: string, path: string): Member | null;
  /** Names and values of `enum name`. */
  enumerators(name: string): ReadonlyMap<string, number> | null;
}
