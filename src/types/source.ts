// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';

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

/**
 * A source of types was not made to answer this question: whether the kernel has the structure or the member is not
 * known. Not the same as null, which says that it has none.
 */
export class Unanswered extends DumpError {}

/**
 * Structures of a kernel, from whatever describes them. Every question can end in `Unanswered` where the source is a
 * record of some answers (a layout profile).
 */
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

/** What `ask` returns; null where the source was not made to answer that, too. */
export function ifAnswered<T>(ask: () => T): T | null {
  try {
    return ask();
  } catch (error) {
    if (error instanceof Unanswered) return null;
    throw error;
  }
}

/** Whether a source describes a structure that every kernel has. */
export const describes = (types: TypeSource, name: string): boolean => ifAnswered(() => types.sizeOf(name)) !== null;
