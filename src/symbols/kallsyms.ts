// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { type Memory, readOf } from '../core/memory.js';
import { CompressedNames, lengthsAreWide } from './names.js';
import type { SymbolTable } from './table.js';

/** Run-time virtual addresses of a kernel's kallsyms tables, as VMCOREINFO names them since Linux 6.0. */
export interface KallsymsTables {
  readonly numSyms: bigint;
  readonly names: bigint;
  readonly tokenTable: bigint;
  readonly tokenIndex: bigint;
  /** s32 for each symbol; instead of it, `addresses`: u64 for each. */
  readonly offsets: bigint | null;
  readonly relativeBase: bigint | null;
  readonly addresses: bigint | null;
}

/** More symbols, or longer tables, are no kernel's: the biggest seen has 209,812. */
const MOST_SYMBOLS = 8_000_000;
const MOST_BYTES = 256 * 1024 * 1024;

type Formula = (index: number) => bigint;

/** The kernel's own symbol table, read in the dump's memory (kernel/kallsyms.c). */
export class Kallsyms implements SymbolTable {
  readonly source = 'kallsyms of the dump';
  /** Number of symbols. */
  readonly count: number;
  readonly #names: CompressedNames;
  readonly #wide: boolean;
  readonly #address: Formula;
  readonly #indexes = new Map<bigint, number>();

  /** `stext` is the true address of `_stext`: the formula that gives it is the one this kernel uses. */
  constructor(memory: Memory, tables: KallsymsTables, stext: bigint) {
    this.count = countOf(memory, tables);
    const part = (from: bigint, to: bigint, what: string) => readOf(memory, from, span(from, to, what), what);
    this.#names = new CompressedNames(
      part(tables.names, tables.tokenTable, 'kallsyms_names'),
      this.count,
      part(tables.tokenTable, tables.tokenIndex, 'kallsyms_token_table'),
      readOf(memory, tables.tokenIndex, 512, 'kallsyms_token_index'),
    );
    this.#wide = lengthsAreWide(this.#names);
    this.#address = this.#chooseFormula(memory, tables, stext);
  }

  find(names: readonly string[]): Map<string, bigint> {
    const found = new Map<string, bigint>();
    for (const [name, index] of this.#names.find(names, this.#wide)) {
      const address = this.#address(index);
      found.set(name, address);
      this.#indexes.set(address, index);
    }
    return found;
  }

  next(address: bigint): bigint | null {
    const index = this.#indexes.get(address);
    if (index === undefined) return null;
    for (let i = index + 1; i < this.count; i++) {
      const other = this.#address(i);
      if (other > address) return other;
    }
    return null;
  }

  #chooseFormula(memory: Memory, tables: KallsymsTables, stext: bigint): Formula {
    const index = this.#names.find(['_stext'], this.#wide).get('_stext');
    if (index === undefined) throw new DumpError('kallsyms: no symbol _stext');
    const right = formulas(memory, tables).find((formula) => formula(index) === stext);
    if (right === undefined)
      throw new DumpError(`kallsyms: no known formula gives _stext its address 0x${stext.toString(16)}`);
    return right;
  }
}

function countOf(memory: Memory, tables: KallsymsTables): number {
  // u64 up to 4.19, u32 from 5.4: the low four bytes are right for both.
  const bytes = readOf(memory, tables.numSyms, 4, 'kallsyms_num_syms');
  const count = bytes.u32(0);
  if (count === 0 || count > MOST_SYMBOLS) throw bytes.error(0, `kallsyms_num_syms is ${count}`);
  return count;
}

function span(from: bigint, to: bigint, what: string): number {
  const length = to - from;
  if (length <= 0n || length > MOST_BYTES)
    throw new DumpError(`${what}: from 0x${from.toString(16)} to 0x${to.toString(16)}`);
  return Number(length);
}

/** Every way a kernel has stored addresses, newest first; which one holds is decided by `_stext`. */
function formulas(memory: Memory, { offsets, relativeBase, addresses }: KallsymsTables): Formula[] {
  const all: Formula[] = [];
  if (offsets !== null) {
    const at = (i: number) => offsets + BigInt(i) * 4n;
    const offset = (i: number) => readOf(memory, at(i), 4, 'kallsyms_offsets');
    // From 7.0: relative to where the offset itself stands.
    all.push((i) => BigInt.asUintN(64, at(i) + BigInt(offset(i).i32(0))));
    if (relativeBase !== null) {
      const base = readOf(memory, relativeBase, 8, 'kallsyms_relative_base').u64(0);
      all.push((i) => base + BigInt(offset(i).u32(0)));
      // CONFIG_KALLSYMS_ABSOLUTE_PERCPU, 4.6 to 6.14: not negative means absolute.
      all.push((i) => {
        const signed = offset(i).i32(0);
        return signed >= 0 ? BigInt(signed) : base - 1n - BigInt(signed);
      });
    }
  }
  if (addresses !== null) all.push((i) => readOf(memory, addresses + BigInt(i) * 8n, 8, 'kallsyms_addresses').u64(0));
  return all;
}
