// SPDX-License-Identifier: Apache-2.0
// The script of the page of `scan --html`. The browser runs it; it reads what is in the page, and nothing else.
import { byId, make } from '../browser/elements.js';
import { dumpColumns, vmColumns } from './columns.js';
import { Details } from './details.js';
import { commonFolder } from './paths.js';
import { type DumpEntry, readDumps, type VmEntry } from './rows.js';
import { textOfDump, textOfVm } from './search.js';
import { type View, ViewOf } from './view.js';

/** Milliseconds after the last letter of a query. */
const PAUSE = 100;

class Page {
  readonly #details = new Details();
  readonly #dumps: ViewOf<DumpEntry>;
  readonly #vms: ViewOf<VmEntry>;
  readonly #query = byId('query', HTMLInputElement);
  readonly #statuses = [...byId('statuses', HTMLElement).querySelectorAll('input')];
  #view: View;
  #timer = 0;

  constructor(dumps: readonly DumpEntry[]) {
    const folder = commonFolder(dumps.map(({ dump }) => dump.dump));
    const vms = dumps.flatMap((entry) => entry.vms);
    const byVm = new Map(dumps.flatMap((entry) => entry.vms.map((vm) => [vm, entry] as const)));
    const opened = (): void => {
      this.#details.focus();
    };
    const chosenDump = (row: DumpEntry | null): void => {
      if (row === null) this.#details.none();
      else
        this.#details.dump(row, (vm) => {
          this.#goTo(this.#vms, vm);
        });
    };
    const chosenVm = (row: VmEntry | null): void => {
      if (row === null) this.#details.none();
      else
        this.#details.vm(row, () => {
          this.#goTo(this.#dumps, byVm.get(row) as DumpEntry);
        });
    };
    const columns = dumpColumns(folder);
    this.#dumps = new ViewOf('Dumps', dumps, textOfDump, columns, { chosen: chosenDump, opened });
    this.#dumps.grid.sortBy(columns[0]);
    this.#vms = new ViewOf('VMs', vms, textOfVm, vmColumns(folder), { chosen: chosenVm, opened });
    this.#view = this.#dumps;
    for (const view of [this.#dumps, this.#vms]) byId('views', HTMLElement).append(this.#radio(view));
    this.#listen();
    this.#turnTo(this.#dumps);
  }

  #radio(view: View): HTMLElement {
    const input = make('input', { type: 'radio', name: 'view', value: view.name });
    input.addEventListener('change', () => {
      this.#turnTo(view);
    });
    return make('label', {}, input, ` ${view.name} `, make('span', { class: 'count' }, view.count));
  }

  /** Shows a table, with the rows that are asked for. */
  #turnTo(view: View): void {
    this.#view = view;
    for (const input of byId('views', HTMLElement).querySelectorAll('input')) input.checked = input.value === view.name;
    byId('grid', HTMLElement).replaceChildren(view.element);
    this.#details.none();
    this.#filter();
  }

  /** Shows a row of a table, even if it was not asked for. */
  #goTo<Row extends DumpEntry | VmEntry>(view: ViewOf<Row>, row: Row): void {
    this.#turnTo(view);
    if (!view.grid.choose(row)) {
      this.#query.value = '';
      for (const input of this.#statuses) input.checked = true;
      this.#filter();
      view.grid.choose(row);
    }
    view.focus();
  }

  #filter(): void {
    const statuses = new Set(this.#statuses.filter(({ checked }) => checked).map(({ value }) => value));
    byId('shown', HTMLElement).textContent = this.#view.filter(this.#query.value, statuses);
  }

  #listen(): void {
    this.#query.addEventListener('input', () => {
      clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => {
        this.#filter();
      }, PAUSE);
    });
    for (const input of this.#statuses)
      input.addEventListener('change', () => {
        this.#filter();
      });
    for (const text of document.querySelectorAll<HTMLElement>('[data-query]')) this.#makeSearch(text);
    document.addEventListener('keydown', (event) => {
      const isTyping = event.target === this.#query;
      if (event.key === 'Escape') this.#leave(isTyping);
      else if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        this.#query.focus();
        this.#query.select();
      }
    });
  }

  /** Makes a text of the summary into a button that searches for it. */
  #makeSearch(text: HTMLElement): void {
    const button = make('button', { type: 'button', class: 'link', title: 'Search for it' }, ...text.childNodes);
    text.append(button);
    button.addEventListener('click', () => {
      this.#query.value = text.dataset.query ?? '';
      this.#turnTo(this.#dumps);
      byId('tables', HTMLElement).scrollIntoView({ block: 'start' });
    });
  }

  #leave(isTyping: boolean): void {
    if (isTyping && this.#query.value !== '') {
      this.#query.value = '';
      this.#filter();
    } else this.#view.focus();
  }
}

function start(): void {
  const dumps = readDumps();
  byId('reading', HTMLElement).hidden = true;
  byId('tables', HTMLElement).hidden = false;
  new Page(dumps);
  document.documentElement.dataset.ready = '';
}

// After the browser has drawn the summary, because reading many dumps takes a while.
requestAnimationFrame(() => setTimeout(start, 0));
