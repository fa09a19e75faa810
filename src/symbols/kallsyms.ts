// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../core/errors.js';
import { LazyBytes } from '../core/lazy-bytes.js';
import { type Memory, readOf } from '../core/memory.js';
import type { SymbolHints } from './hints.js';
import { type AddressTables, type Formula, formulas } from './kallsyms-formulas.js';
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

/** The anchor is looked for among this many first symbols: up to 6.14, per-cpu variables come before it (400 in 6.12). */
const EARLY = 1024;

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
    const address = place === null ? null : this.#address.at(place);
    if (place !== null && address !== null) this.#places.set(address, place);
    this.#found.set(name, address);
    return address;
  }

  next(address: bigint): bigint | null {
    const place = this.#places.get(address);
    if (place === undefined) return null;
    for (let i = place + 1; i < this.count; i++) {
      const other = this.#address.at(i);
      if (other > address) return other;
    }
    return null;
  }

  #place(name: string): number | null {
    return (this.#sorted ?? this.#names).find(name);
  }

  /** The formula that gives the anchor its address. Throws `DumpError` if there is none. */
  #chooseFormula(
    memory: Memory,
    tables: KallsymsTables,
    anchor: Anchor,
  ): { formula: Formula; addresses: AddressTables } {
    const { name, address } = anchor;
    const all = tables.addresses.flatMap((addresses) =>
      formulas(memory, addresses).map((formula) => ({ formula, addresses })),
    );
    // Symbols are in the order of their addresses, and the anchor is among the first: that takes far fewer pages than a search for its name.
    const early = all.find(({ formula }) => orNull(() => this.#isEarly(formula, anchor)) === true);
    if (early !== undefined) return early;
    const place = this.#place(name);
    if (place === null) throw new DumpError(`kallsyms: symbol ${name} not found`);
    const right = all.find(({ formula }) => isRight(formula, place, address));
    if (right === undefined)
      throw new DumpError(`kallsyms: no known table format gives ${name} its address 0x${address.toString(16)}`);
    return right;
  }

  /** Whether a formula gives the anchor its address, and the anchor is among the first symbols. */
  #isEarly(formula: Formula, { name, address }: Anchor): boolean {
    const places = formula.placesOf?.(address, Math.min(this.count, EARLY)) ?? [];
    return places.some((place) => formula.at(place) === address && this.#names.name(place) === name);
  }
}

/** A formula for tables that do not exist may fail to read them. */
const isRight = (formula: Formula, place: number, address: bigint): boolean =>
  orNull(() => formula.at(place)) === address;

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
