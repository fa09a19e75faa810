// SPDX-License-Identifier: Apache-2.0
import { type KeptAnswers, type KeptForm, keptOr } from '../core/kept.js';
import type { CountedTable } from './table.js';

/** A symbol table whose answers are kept. It is opened when something else is asked. */
export class KeptSymbols implements CountedTable {
  readonly #kept: KeptAnswers;
  readonly #open: () => CountedTable;
  #opened: CountedTable | null;
  /** The names of the addresses that were found: to the table they must be known before it says what is next. */
  readonly #names = new Map<bigint, string>();

  private constructor(
    readonly source: string,
    readonly count: number,
    { kept, open, opened }: { kept: KeptAnswers; open: () => CountedTable; opened: CountedTable | null },
  ) {
    this.#kept = kept;
    this.#open = open;
    this.#opened = opened;
  }

  /**
   * A table of which what it answers is kept; null if `open` returns null, of which nothing is kept. `open` is called now if nothing is
   * kept of the table, or when something else is asked.
   */
  static of(kept: KeptAnswers, open: () => CountedTable | null): KeptSymbols | null {
    const known = kept.get('table');
    const again = (): CountedTable => {
      const table = open();
      if (table === null) throw new Error('a symbol table that was there before');
      return table;
    };
    if (Array.isArray(known) && typeof known[0] === 'string' && typeof known[1] === 'number')
      return new KeptSymbols(known[0], known[1], { kept, open: again, opened: null });
    const opened = open();
    if (opened === null) return null;
    kept.set('table', [opened.source, opened.count]);
    return new KeptSymbols(opened.source, opened.count, { kept, open: again, opened });
  }

  find(name: string): bigint | null {
    const address = keptOr(this.#kept, `symbol ${name}`, ADDRESS, () => this.#table.find(name));
    if (address !== null) this.#names.set(address, name);
    return address;
  }

  next(address: bigint): bigint | null {
    return keptOr(this.#kept, `symbol after ${address.toString(16)}`, ADDRESS, () => {
      const name = this.#names.get(address);
      if (name !== undefined) this.#table.find(name);
      return this.#table.next(address);
    });
  }

  get #table(): CountedTable {
    this.#opened ??= this.#open();
    return this.#opened;
  }
}

const ADDRESS: KeptForm<bigint> = {
  write: (address) => `0x${address.toString(16)}`,
  read: (kept) => (typeof kept === 'string' && /^0x[0-9a-f]{1,16}$/.test(kept) ? BigInt(kept) : undefined),
};
