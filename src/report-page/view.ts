// SPDX-License-Identifier: Apache-2.0
// A table, and which of its rows are asked for.
import type { ReportDump } from '../html/report-format.js';
import { type Choice, type Column, Grid } from './grid.js';
import { isFound, wordsOf } from './query.js';
import { number } from './words.js';

/** A table of any rows. */
export interface View {
  readonly name: string;
  /** Number of its rows. */
  readonly count: string;
  readonly element: HTMLElement;
  /** Shows the rows that have all words of a query, and one of the statuses. Returns how many there are, in words. */
  filter(query: string, statuses: ReadonlySet<string>): string;
  focus(): void;
}

export class ViewOf<Row extends { readonly dump: ReportDump }> implements View {
  readonly grid: Grid<Row>;
  readonly #rows: readonly Row[];
  readonly #textOf: (row: Row) => string;
  /** What is searched of each row; made for the first search. */
  #texts: readonly string[] | null = null;

  constructor(
    readonly name: string,
    rows: readonly Row[],
    textOf: (row: Row) => string,
    columns: readonly Column<Row>[],
    choice: Choice<Row>,
  ) {
    this.#rows = rows;
    this.#textOf = textOf;
    const filled = columns.filter(({ text }) => rows.some((row) => text(row) !== ''));
    this.grid = new Grid(name, filled, choice);
  }

  get count(): string {
    return number(this.#rows.length);
  }

  get element(): HTMLElement {
    return this.grid.element;
  }

  filter(query: string, statuses: ReadonlySet<string>): string {
    const words = wordsOf(query);
    const found = words.length === 0 ? this.#rows : this.#find(words);
    const rows = found.filter(({ dump }) => statuses.has(dump.status));
    this.grid.show(rows);
    return `${number(rows.length)} of ${this.count} ${this.name === 'VMs' ? 'VMs' : 'dumps'}`;
  }

  focus(): void {
    this.grid.focus();
  }

  #find(words: readonly string[]): Row[] {
    this.#texts ??= this.#rows.map(this.#textOf);
    const texts = this.#texts;
    return this.#rows.filter((_, i) => isFound(texts[i] as string, words));
  }
}
