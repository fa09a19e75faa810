// SPDX-License-Identifier: Apache-2.0
// A table of which only the rows that are in sight have elements. All rows have the same height.
import { make } from '../browser/elements.js';

export interface Column<Row> {
  readonly heading: string;
  /** In the unit em. */
  readonly width: number;
  /** Numbers are aligned right. */
  readonly kind?: 'number';
  readonly text: (row: Row) => string;
  /** What rows are sorted by; default: the text. Null and an empty text are last. */
  readonly value?: (row: Row) => number | null;
  /** What is in the cell; default: the text. */
  readonly content?: (row: Row) => Node | string;
}

/** What happens to the row that is chosen. */
export interface Choice<Row> {
  readonly chosen: (row: Row | null) => void;
  /** The reader wants its details. */
  readonly opened: () => void;
}

/** Rows above and below those in sight. */
const MORE = 10;
/** In the unit em: as style.css has it. */
const ROW = 2;

const { compare } = new Intl.Collator('en', { numeric: true });

export class Grid<Row> {
  readonly element = make('div', { class: 'rows' });
  readonly #columns: readonly Column<Row>[];
  readonly #choice: Choice<Row>;
  readonly #table: HTMLTableElement;
  readonly #headings: readonly HTMLElement[];
  readonly #body = make('tbody');
  #rows: Row[] = [];
  #sorted: { readonly column: Column<Row>; readonly isDown: boolean } | null = null;
  #chosen: Row | null = null;
  /** First and last row with an element. */
  #shown = [-1, -1];
  #height = 0;

  /** `name` is for screen readers. */
  constructor(name: string, columns: readonly Column<Row>[], choice: Choice<Row>) {
    this.#columns = columns;
    this.#choice = choice;
    this.#headings = columns.map((column) => this.#heading(column));
    const widths = columns.map(({ width }) => {
      const col = make('col');
      col.style.width = `${width}em`;
      return col;
    });
    const about = { role: 'grid', tabindex: '0', 'aria-label': name, 'aria-describedby': 'keys' };
    this.#table = make(
      'table',
      about,
      make('colgroup', {}, ...widths),
      make('thead', {}, make('tr', { 'aria-rowindex': '1' }, ...this.#headings)),
      this.#body,
    );
    this.#table.style.minWidth = `${columns.reduce((sum, { width }) => sum + width, 0)}em`;
    this.element.append(this.#table);
    this.element.addEventListener('scroll', () => {
      this.#render();
    });
    new ResizeObserver(() => {
      this.#render();
    }).observe(this.element);
    this.#table.addEventListener('keydown', (event) => {
      this.#key(event);
    });
    this.#body.addEventListener('click', ({ target }) => {
      const row = target instanceof Element ? target.closest('tr')?.dataset.row : undefined;
      if (row === undefined) return;
      this.#choose(Number(row));
      this.focus();
    });
  }

  /** Shows these rows, sorted as the reader wants it. The chosen row stays chosen if it is among them. */
  show(rows: readonly Row[]): void {
    this.#rows = [...rows];
    this.#table.setAttribute('aria-rowcount', `${rows.length + 1}`);
    this.#sort();
    this.element.scrollTop = 0;
    if (this.#chosen !== null && !rows.includes(this.#chosen)) this.#choose(null);
    else this.#render(true);
  }

  /** Sorts by a column; downwards if it is sorted upwards already. */
  sortBy(column: Column<Row> | undefined): void {
    if (column === undefined) return;
    const { column: before, isDown } = this.#sorted ?? {};
    this.#sorted = { column, isDown: column === before && isDown === false };
    this.#sort();
    this.element.scrollTop = 0;
    this.#render(true);
  }

  /** Chooses a row; returns whether it is among those that are shown. */
  choose(row: Row): boolean {
    const index = this.#rows.indexOf(row);
    if (index >= 0) this.#choose(index);
    return index >= 0;
  }

  focus(): void {
    this.#table.focus({ preventScroll: true });
  }

  #heading(column: Column<Row>): HTMLElement {
    const { heading, kind } = column;
    const mark = make('span', { 'aria-hidden': 'true', class: 'order' });
    const button = make('button', { type: 'button', class: 'sort' }, heading, mark);
    button.addEventListener('click', () => {
      this.sortBy(column);
    });
    return make('th', { scope: 'col', ...(kind === undefined ? {} : { class: kind }) }, button);
  }

  #sort(): void {
    const sorted = this.#sorted;
    for (const [i, heading] of this.#headings.entries()) {
      const isBy = sorted !== null && this.#columns[i] === sorted.column;
      if (isBy) heading.setAttribute('aria-sort', sorted.isDown ? 'descending' : 'ascending');
      else heading.removeAttribute('aria-sort');
      (heading.querySelector('.order') as HTMLElement).textContent = isBy ? (sorted.isDown ? ' ▾' : ' ▴') : '';
    }
    if (sorted === null) return;
    const { column, isDown } = sorted;
    const keyed = this.#rows.map((row) => ({
      row,
      key: column.value === undefined ? column.text(row) : column.value(row),
    }));
    keyed.sort(({ key: a }, { key: b }) => byKey(a, b, isDown));
    this.#rows = keyed.map(({ row }) => row);
  }

  #choose(index: number | null): void {
    const row = index === null ? null : (this.#rows[index] ?? null);
    this.#chosen = row;
    if (row !== null && index !== null) this.#scrollTo(index);
    this.#render(true);
    this.#choice.chosen(row);
  }

  /** Scrolls no more than needed to have a row in sight. */
  #scrollTo(index: number): void {
    const { element } = this;
    const head = this.#headings[0]?.offsetHeight ?? 0;
    const [top, end] = [index * this.#height, (index + 1) * this.#height];
    if (top < element.scrollTop) element.scrollTop = top;
    else if (end > element.scrollTop + element.clientHeight - head)
      element.scrollTop = end - element.clientHeight + head;
  }

  #key(event: KeyboardEvent): void {
    if (event.target !== this.#table || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.#chosen === null ? -1 : this.#rows.indexOf(this.#chosen);
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.#height) - 2);
    const last = this.#rows.length - 1;
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: last,
    };
    const next = steps[event.key];
    if (next !== undefined && last >= 0) {
      event.preventDefault();
      this.#choose(Math.min(last, Math.max(0, next)));
    } else if (event.key === 'Enter' && at >= 0) {
      event.preventDefault();
      this.#choice.opened();
    }
  }

  /** Makes the elements of the rows in sight. `isChanged`: those that are there are of other rows. */
  #render(isChanged = false): void {
    const { element } = this;
    if (element.clientHeight === 0) return;
    this.#height = ROW * Number.parseFloat(getComputedStyle(this.#table).fontSize);
    const first = Math.max(0, Math.floor(element.scrollTop / this.#height) - MORE);
    const sight = Math.ceil(element.clientHeight / this.#height);
    const end = Math.min(this.#rows.length, first + sight + 2 * MORE);
    if (!isChanged && first === this.#shown[0] && end === this.#shown[1]) return;
    this.#shown = [first, end];
    const rows = this.#rows.slice(first, end).map((row, i) => this.#row(row, first + i));
    this.#body.replaceChildren(this.#space(first), ...rows, this.#space(this.#rows.length - end));
    const at = this.#chosen === null ? -1 : this.#rows.indexOf(this.#chosen);
    if (at >= first && at < end) this.#table.setAttribute('aria-activedescendant', `row-${at}`);
    else this.#table.removeAttribute('aria-activedescendant');
  }

  #row(row: Row, index: number): HTMLElement {
    const cells = this.#columns.map(({ text, content, kind }) => {
      const shown = text(row);
      const about = { ...(shown === '' ? {} : { title: shown }), ...(kind === undefined ? {} : { class: kind }) };
      return make('td', about, content === undefined ? shown : content(row));
    });
    const isChosen = row === this.#chosen;
    return make(
      'tr',
      { id: `row-${index}`, 'data-row': `${index}`, 'aria-rowindex': `${index + 2}`, 'aria-selected': `${isChosen}` },
      ...cells,
    );
  }

  /** An empty row as high as some rows, which have no elements. */
  #space(rows: number): HTMLElement {
    const cell = make('td', { colspan: `${this.#columns.length}` });
    cell.style.height = `${rows * this.#height}px`;
    return make('tr', { 'aria-hidden': 'true', class: 'space' }, cell);
  }
}

type Key = number | string | null;

/** The order of two keys. What is not known is last, whatever the direction. */
function byKey(a: Key, b: Key, isDown: boolean): number {
  const [isA, isB] = [a !== null && a !== '', b !== null && b !== ''];
  if (!isA || !isB) return isA === isB ? 0 : isA ? -1 : 1;
  const order = typeof a === 'number' && typeof b === 'number' ? a - b : compare(String(a), String(b));
  return isDown ? -order : order;
}
