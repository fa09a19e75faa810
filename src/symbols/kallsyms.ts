// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../core/errors.js';
import { LazyBytes } from '../core/lazy-bytes.js';
import { type Memory, readOf } from '../core/memory.js';
import type { SymbolHints } from './hints.js';
import { CompressedNames } from './kallsyms-names.js';
import { SortedNames } from './kallsyms-sorted.js';
import { Tokens } from './kallsyms-tokens.js';
import type { SymbolTable } from './table.js';

/** Run-time virtual addresses of a kernel's kallsyms tables, as recorded in VMCOREINFO since Linux 6.0. */
export interface KallsymsTables {
  readonly numSyms: bigint;
  readonly names: bigint;
  readonly tokenTable: bigint;
  readonly tokenIndex: bigint;
  /** Where the symbols' addresses are stored; several possibilities if that is not known. */
  readonly addresses: readonly AddressTables[];
}

/** A symbol's address is stored as an s32 in `offsets`, or as a u64 in `addresses`. */
export interface AddressTables {
  readonly offsets: bigint | null;
  readonly relativeBase: bigint | null;
  readonly addresses: bigint | null;
}

/** A symbol whose run-time address is known from elsewhere. */
export interface Anchor {
  readonly name: '_stext' | '_text';
  readonly address: bigint;
}

/** How a table is opened. */
interface KallsymsOptions {
  readonly hints?: SymbolHints | null;
  /** What messages call it. */
  readonly source?: string;
}

/** Limits to recognise damage: the largest kernel seen has 209,812 symbols. */
const MOST_SYMBOLS = 8_000_000;
const MOST_BYTES = 256 * 1024 * 1024;

type Formula = (index: number) => bigint;

/** The kernel's own symbol table, read from the memory of the dump (kernel/kallsyms.c). */
export class Kallsyms implements SymbolTable {
  readonly source: string;
  /** Number of symbols. */
  readonly count: number;
  readonly #names: CompressedNames;
  readonly #sorted: SortedNames | null;
  readonly #address: Formula;
  /** Where its tables are; `addresses` has only the valid one. */
  readonly tables: KallsymsTables;
  /** What `find` returned. */
  readonly #found = new Map<string, bigint | null>();
  /** Index of each address that `find` returned. */
  readonly #places = new Map<bigint, number>();

  /**
   * `anchor` selects how addresses are stored: the way that gives the anchor its address is the one that this kernel
   * uses. Throws `DumpError` if there is none, or a table can't be read.
   */
  constructor(
    memory: Memory,
    tables: KallsymsTables,
    anchor: Anchor,
    { hints = null, source = 'kallsyms of the dump' }: KallsymsOptions = {},
  ) {
    this.source = source;
    this.count = countOf(memory, tables);
    const { names, tokenTable, tokenIndex } = tables;
    const length = span(names, tokenTable, 'kallsyms_names');
    const table = readOf(
      memory,
      tokenTable,
      span(tokenTable, tokenIndex, 'kallsyms_token_table'),
      'kallsyms_token_table',
    );
    const tokens = new Tokens(table, readOf(memory, tokenIndex, 512, 'kallsyms_token_index'));
    this.#names = new CompressedNames(LazyBytes.of(memory, names, length, 'kallsyms_names'), this.count, tokens);
    this.#sorted = SortedNames.at(memory, placesOfSorted(tables, this.#names), this.#names, hints);
    const { formula, addresses } = this.#chooseFormula(memory, tables, anchor);
    this.#address = formula;
    this.tables = { ...tables, addresses: [addresses] };
  }

  find(name: string): bigint | null {
    const known = this.#found.get(name);
    if (known !== undefined) return known;
    const place = this.#place(name);
    const address = place === null ? null : this.#address(place);
    if (place !== null && address !== null) this.#places.set(address, place);
    this.#found.set(name, address);
    return address;
  }

  next(address: bigint): bigint | null {
    const place = this.#places.get(address);
    if (place === undefined) return null;
    for (let i = place + 1; i < this.count; i++) {
      const other = this.#address(i);
      if (other > address) return other;
    }
    return null;
  }

  #place(name: string): number | null {
    return (this.#sorted ?? this.#names).find(name);
  }

  #chooseFormula(
    memory: Memory,
    tables: KallsymsTables,
    { name, address }: Anchor,
  ): { formula: Formula; addresses: AddressTables } {
    const place = this.#place(name);
    if (place === null) throw new DumpError(`kallsyms: symbol ${name} not found`);
    const right = tables.addresses
      .flatMap((addresses) => formulas(memory, addresses).map((formula) => ({ formula, addresses })))
      .find(({ formula }) => isRight(formula, place, address));
    if (right === undefined)
      throw new DumpError(`kallsyms: no known table format gives ${name} its address 0x${address.toString(16)}`);
    return right;
  }
}

/** A formula for tables that do not exist may fail to read them. */
const isRight = (formula: Formula, place: number, address: bigint): boolean => orNull(() => formula(place)) === address;

function countOf(memory: Memory, tables: KallsymsTables): number {
  // u64 up to 4.19, u32 since 5.4: the low four bytes are right for both.
  const bytes = readOf(memory, tables.numSyms, 4, 'kallsyms_num_syms');
  const count = bytes.u32(0);
  if (count === 0 || count > MOST_SYMBOLS) throw bytes.error(0, `kallsyms_num_syms is ${count}, out of range`);
  return count;
}

function span(from: bigint, to: bigint, what: string): number {
  const length = to - from;
  if (length <= 0n || length > MOST_BYTES)
    throw new DumpError(`${what}: invalid range, from 0x${from.toString(16)} to 0x${to.toString(16)}`);
  return Number(length);
}

/** Possible addresses of kallsyms_seqs_of_names: between markers and tokens (6.1), after the addresses (since 6.6). */
function placesOfSorted(tables: KallsymsTables, names: CompressedNames): bigint[] {
  const inside = names.sortedAt === null ? [] : [tables.names + BigInt(names.sortedAt)];
  return [...inside, ...tables.addresses.flatMap((addresses) => placesAfter(addresses, names.count))];
}

function placesAfter({ offsets, relativeBase }: AddressTables, count: number): bigint[] {
  const places: bigint[] = [];
  if (relativeBase !== null) places.push(relativeBase + 8n);
  if (offsets !== null)
    for (const alignment of [4n, 8n])
      places.push(((offsets + BigInt(count) * 4n + alignment - 1n) / alignment) * alignment);
  return places;
}

/** All ways in which kernels have stored addresses, newest first. */
function formulas(memory: Memory, { offsets, relativeBase, addresses }: AddressTables): Formula[] {
  const all: Formula[] = [];
  if (offsets !== null) {
    const at = (i: number) => offsets + BigInt(i) * 4n;
    const offset = (i: number) => readOf(memory, at(i), 4, 'kallsyms_offsets');
    // Since 7.0: relative to the address of the offset itself.
    all.push((i) => BigInt.asUintN(64, at(i) + BigInt(offset(i).i32(0))));
    if (relativeBase !== null) {
      let known: bigint | null = null;
      const base = () => (known ??= readOf(memory, relativeBase, 8, 'kallsyms_relative_base').u64(0));
      all.push((i) => base() + BigInt(offset(i).u32(0)));
      // CONFIG_KALLSYMS_ABSOLUTE_PERCPU, 4.6 to 6.14: a value that is not negative is absolute.
      all.push((i) => {
        const signed = offset(i).i32(0);
        return signed >= 0 ? BigInt(signed) : base() - 1n - BigInt(signed);
      });
    }
  }
  if (addresses !== null) all.push((i) => readOf(memory, addresses + BigInt(i) * 8n, 8, 'kallsyms_addresses').u64(0));
  return all;
}
