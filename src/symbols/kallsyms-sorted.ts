// SPDX-License-Identifier: Apache-2.0
import { orNull } from '../core/errors.js';
import { isUnreadable, type Memory, readOf } from '../core/memory.js';
import { lowerBound } from '../core/search.js';
import type { SymbolHints } from './hints.js';
import type { CompressedNames } from './kallsyms-names.js';

/** Number of names that are compared to see whether they ascend. Excerpts have the pages of these names, and of no others. */
const PROBES = 16;

/**
 * kallsyms_seqs_of_names: the symbols' indices in the table of addresses, 24 bits each, big-endian, sorted by name
 * (since Linux commit 60443c88f3a8 ("kallsyms: Improve the performance of kallsyms_lookup_name()") (in v6.2), and in
 * later 6.1.y). VMCOREINFO does not have its address, so it is recognised by its contents: ascending names.
 */
export class SortedNames {
  private constructor(
    readonly memory: Memory,
    readonly address: bigint,
    readonly names: CompressedNames,
    readonly hints: SymbolHints | null,
  ) {}

  /** The table at the first of these addresses that has one; null if none has. `sought`: a name that all kernels have. */
  static at(
    memory: Memory,
    addresses: readonly bigint[],
    names: CompressedNames,
    { hints, sought }: { readonly hints: SymbolHints | null; readonly sought: string },
  ): SortedNames | null {
    const tables = addresses.map((address) => new SortedNames(memory, address, names, hints));
    // Nothing else has that name where the table of the same build has it.
    return (
      tables.find((table) => typeof table.#hinted(sought)?.place === 'number') ??
      tables.find((table) => table.#ascends()) ??
      null
    );
  }

  /** Index of the first symbol with a name; null if there is none. */
  find(name: string): number | null {
    const hinted = this.#hinted(name);
    if (hinted !== null) return hinted.place;
    const rank = lowerBound(this.names.count, (i) => this.#name(i) >= name);
    this.hints?.learnRank(name, rank);
    return this.#placeOf(name, rank);
  }

  /** What the hints say of a name, if that is right; null if it is not, or if they say nothing. */
  #hinted(name: string): { readonly place: number | null } | null {
    const rank = this.hints?.rank(name);
    if (rank === undefined) return null;
    return orNull(() => (this.#isRank(name, rank) ? { place: this.#placeOf(name, rank) } : null));
  }

  /** Whether so many names are before a name. A search looks at the same two names in the end. */
  #isRank(name: string, rank: number): boolean {
    const { count } = this.names;
    return rank <= count && (rank === 0 || this.#name(rank - 1) < name) && (rank === count || this.#name(rank) >= name);
  }

  #placeOf(name: string, rank: number): number | null {
    return rank < this.names.count && this.#name(rank) === name ? this.#place(rank) : null;
  }

  #ascends(): boolean {
    const { count } = this.names;
    const places = new Set<number>();
    let before = '';
    for (let i = 0; i < PROBES; i++) {
      const rank = Math.floor((i * (count - 1)) / (PROBES - 1));
      const bytes = this.memory.read(this.address + BigInt(rank * 3), 3);
      if (isUnreadable(bytes)) return false;
      const place = (bytes.u8(0) << 16) | (bytes.u8(1) << 8) | bytes.u8(2);
      // Each symbol occurs once, so a range of zeros is not such a table.
      if (place >= count || (places.has(place) && count >= PROBES)) return false;
      places.add(place);
      const name = this.#name(rank);
      if (name < before) return false;
      before = name;
    }
    return true;
  }

  #name(rank: number): string {
    return this.names.name(this.#place(rank));
  }

  #place(rank: number): number {
    const bytes = readOf(this.memory, this.address + BigInt(rank * 3), 3, 'kallsyms_seqs_of_names');
    const place = (bytes.u8(0) << 16) | (bytes.u8(1) << 8) | bytes.u8(2);
    if (place >= this.names.count)
      throw bytes.error(0, `kallsyms_seqs_of_names: symbol ${place} is out of range (${this.names.count} symbols)`);
    return place;
  }
}
