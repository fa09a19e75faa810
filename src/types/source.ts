// SPDX-License-Identifier: Apache-2.0
import { ErrorMark } from '../core/error-mark.js';
import { DumpError } from '../core/errors.js';

/** Location of a member in a structure, as compiled. Sizes and offsets are in bytes. */
export interface Member {
  /** Offset in the structure. */
  readonly offset: number;
  /** Size of the whole member; 0 for a flexible array. */
  readonly size: number;
  /** Number of elements of an array, 0 if it is flexible; 1 for anything else. */
  readonly count: number;
  /** Size of one element of an array; for anything else, the same as `size`. */
  readonly element: number;
  /** Kind of the member, or of an element of the array. */
  readonly kind: 'number' | 'pointer' | 'struct' | 'other';
}

/**
 * Marks errors of a source of types that has not recorded the answer: it is not known whether the kernel has the structure
 * or the member. This differs from null, which means that it has not.
 */
export const unanswered = new ErrorMark<true>();

/**
 * Layout of a kernel's structures: BTF, DWARF or a layout profile. Each method may throw an error that is marked
 * `unanswered` if the source has recorded only some answers, as a layout profile does.
 */
export interface TypeSource {
  /** For display: where the descriptions are from. */
  readonly source: string;
  /** Size of `struct name` (or union) in bytes; null if it is not described in full. */
  sizeOf(name: string): number | null;
  /** A member by name or path (`f_path.dentry`), members of unnamed structures included; null if there is none. */
  member(name: string, path: string): Member | null;
  /** Names and values of `enum name`; null if there is none. */
  enumerators(name: string): ReadonlyMap<string, number> | null;
}

/** Returns what `ask` returns, or null if it throws an error that is marked `unanswered`. */
export function ifAnswered<T>(ask: () => T): T | null {
  try {
    return ask();
  } catch (error) {
    if (error instanceof DumpError && unanswered.has(error)) return null;
    throw error;
  }
}

/** Whether a source describes `struct name`. False also if the source has not recorded that. */
export const describes = (types: TypeSource, name: string): boolean => ifAnswered(() => types.sizeOf(name)) !== null;
