// SPDX-License-Identifier: Apache-2.0
import { type Memory, readOf } from '../core/memory.js';
import { wordsOf } from '../core/words.js';

/** A symbol's address is stored as an s32 in `offsets`, or as a u64 in `addresses`. */
export interface AddressTables {
  readonly offsets: bigint | null;
  readonly relativeBase: bigint | null;
  readonly addresses: bigint | null;
}

/** A way in which kernels have stored addresses. */
export interface Formula {
  /** Address of a symbol by its index. Throws `DumpError` if the table can't be read. */
  at(index: number): bigint;
  /**
   * Those of the first `count` symbols that may have an address, of which only the low 32 bits are compared. Throws `DumpError`. Missing for
   * tables of whole addresses.
   */
  readonly placesOf?: (address: bigint, count: number) => readonly number[];
}

/** All ways in which kernels have stored addresses, newest first. */
export function formulas(memory: Memory, { offsets, relativeBase, addresses }: AddressTables): Formula[] {
  const relative = offsets === null ? [] : ofOffsets(memory, offsets, relativeBase);
  if (addresses === null) return relative;
  const at = (index: number) => readOf(memory, addresses + BigInt(index) * 8n, 8, 'kallsyms_addresses').u64(0);
  return [...relative, { at }];
}

function ofOffsets(memory: Memory, offsets: bigint, relativeBase: bigint | null): Formula[] {
  const at = (index: number) => offsets + BigInt(index) * 4n;
  const offset = (index: number) => readOf(memory, at(index), 4, 'kallsyms_offsets');
  const places = (value: bigint, step: number, count: number): number[] =>
    withValue(wordsOf(readOf(memory, offsets, count * 4, 'kallsyms_offsets').view), value, step);
  // Since 7.0: relative to the address of the offset itself.
  const toItself: Formula = {
    at: (index) => BigInt.asUintN(64, at(index) + BigInt(offset(index).i32(0))),
    placesOf: (address, count) => places(address - offsets, 4, count),
  };
  if (relativeBase === null) return [toItself];
  let known: bigint | null = null;
  const base = () => (known ??= readOf(memory, relativeBase, 8, 'kallsyms_relative_base').u64(0));
  const toBase: Formula = {
    at: (index) => base() + BigInt(offset(index).u32(0)),
    placesOf: (address, count) => places(address - base(), 0, count),
  };
  // CONFIG_KALLSYMS_ABSOLUTE_PERCPU, 4.6 to 6.14: a value that is not negative is absolute.
  const belowBase: Formula = {
    at: (index) => {
      const signed = offset(index).i32(0);
      return signed >= 0 ? BigInt(signed) : base() - 1n - BigInt(signed);
    },
    placesOf: (address, count) => places(base() - 1n - address, 0, count),
  };
  return [toItself, toBase, belowBase];
}

/** The indices of the words that are `value` less `step` for each word before them, modulo 2^32. */
function withValue(words: Uint32Array, value: bigint, step: number): number[] {
  const found: number[] = [];
  let wanted = Number(BigInt.asUintN(32, value));
  if (step === 0) {
    for (let i = words.indexOf(wanted); i >= 0; i = words.indexOf(wanted, i + 1)) found.push(i);
    return found;
  }
  for (let i = 0; i < words.length; i++, wanted = (wanted - step) >>> 0) if (words[i] === wanted) found.push(i);
  return found;
}
