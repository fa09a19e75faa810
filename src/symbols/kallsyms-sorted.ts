// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../core/errors.js';
import { isUnreadable, type Memory, readOf } from '../core/memory.js';
import { lowerBound } from '../core/search.js';
import type { SymbolHints } from './hints.js';
import type { CompressedNames } from './kallsyms-names.js';

/**
 * To see whether they ascend, the names at the borders of this number of equal parts of the table are compared. Excerpts that exist lack
 * the pages that other numbers need.
 */
const PARTS = 15;
/**
 * To recognise the table, only every third border is looked at: other data passes for it only if 24 bits are below the number of symbols
 * each time, and the names that they lead to are in order.
 */
const AT_FIRST = 3;

/**
 * kallsyms_seqs_of_names: the symbols' indices in the table of addresses, 24 bits each, big-endian, sorted by name
 * (since Linux commit 60443c88f3a8 ("kallsyms: Improve the performance of kallsyms_lookup_name()") (in v6.2), and in
 * later 6.1.y). VMCOREINFO does not have its address, so it is recognised by its contents: ascending names.
 */
export class SortedNames {
  /** Names by their rank: all searches begin with the same ones. */
  readonly #known = new Map<number, string>();
  /** Whether the names at all borders ascend; null if they have not been compared. */
  #isWhole: boolean | null = null;

  private constructor(
    readonly memory: Memory,
    readonly address: bigint,
    readonly names: CompressedNames,
    readonly hints: SymbolHints | null,
  ) {}

  /** The table at the first of these addresses that has one; null if none has. */
  static at(
    memory: Memory,
    addresses: readonly bigint[],
    names: CompressedNames,
    hints: SymbolHints | null,
  ): SortedNames | null {
    const tables = addresses.map((address) => new SortedNames(memory, address, names, hints));
    return tables.find((table) => table.#ascends(AT_FIRST)) ?? null;
  }

  /** Index of the first symbol with a name; null if there is none. Where the table is damaged, all names are read. */
  find(name: string): number | null {
    let place: number | null;
    try {
      place = this.#search(name);
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      // If not all names can be read either, the reason is the one of the search.
      const all = orNull(() => ({ place: this.names.find(name) }));
      if (all === null) throw error;
      return all.place;
    }
    if (place !== null) return place;
    // That a name is missing is believed only if the table is in order at all borders.
    this.#isWhole ??= orNull(() => this.#ascends(1)) === true;
    return this.#isWhole ? null : this.names.find(name);
  }

  #search(name: string): number | null {
    const { count } = this.names;
    const hinted = this.hints?.rank(name);
    // A symbol that is proven to be there is right, also if the table is damaged elsewhere. That there is none is never taken from hints.
    if (hinted !== undefined && orNull(() => this.#isFirst(name, hinted)) === true) return this.#place(hinted);
    const first = lowerBound(count, (i) => this.#name(i) >= name);
    if (first === count || this.#name(first) !== name) return null;
    this.hints?.learnRank(name, first);
    return this.#place(first);
  }

  /** Whether a name is the first of its kind at a place. A search looks at the same two names in the end. */
  #isFirst(name: string, rank: number): boolean {
    return rank < this.names.count && this.#name(rank) === name && (rank === 0 || this.#name(rank - 1) < name);
  }

  /** Whether the names at every `step`th border ascend. */
  #ascends(step: number): boolean {
    const { count } = this.names;
    const places = new Set<number>();
    let before = '';
    for (let i = 0; i <= PARTS; i += step) {
      const rank = Math.floor((i * (count - 1)) / PARTS);
      const bytes = this.memory.read(this.address + BigInt(rank * 3), 3);
      if (isUnreadable(bytes)) return false;
      const place = (bytes.u8(0) << 16) | (bytes.u8(1) << 8) | bytes.u8(2);
      // Each symbol occurs once, so a range of zeros is not such a table.
      if (place >= count || (places.has(place) && count > PARTS)) return false;
      places.add(place);
      const name = this.#name(rank);
      if (name < before) return false;
      before = name;
    }
    return true;
  }

  #name(rank: number): string {
    let name = this.#known.get(rank);
    if (name === undefined) {
      name = this.names.name(this.#place(rank));
      this.#known.set(rank, name);
    }
    return name;
  }

  #place(rank: number): number {
    const bytes = readOf(this.memory, this.address + BigInt(rank * 3), 3, 'kallsyms_seqs_of_names');
    const place = (bytes.u8(0) << 16) | (bytes.u8(1) << 8) | bytes.u8(2);
    if (place >= this.names.count)
      throw bytes.error(0, `kallsyms_seqs_of_names: symbol ${place} is out of range (${this.names.count} symbols)`);
    return place;
  }
}
