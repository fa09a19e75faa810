// SPDX-License-Identifier: Apache-2.0

import { byId, make } from '../browser/elements.js';
import type { Extent, Picture } from '../html/format.js';
import { size } from '../report/table.js';
import { COLOURING_NAMES, COLOURINGS, type Colour, type Colouring, type LegendEntry, legendOf } from './palette.js';
import { INK, onTheme, shade } from './theme.js';

export interface LegendChoice {
  readonly colouring: Colouring;
  /** Keys of the categories to show; empty shows all. */
  readonly shown: ReadonlySet<string>;
}

/** The choice of what the colours show, and the legend, whose entries choose what is shown. */
export class Legend {
  readonly #list = byId('legend', HTMLUListElement);
  readonly #buttons = new Map<Colouring, HTMLInputElement>();
  #colouring: Colouring = 'state';
  #shown = new Set<string>();

  constructor(
    readonly picture: Picture,
    readonly chosen: (choice: LegendChoice) => void,
  ) {
    for (const colouring of COLOURINGS) this.#add(colouring);
    onTheme(() => {
      this.#fill();
    });
    this.choose('state');
  }

  /** Changes what the colours show. */
  choose(colouring: Colouring): void {
    this.#colouring = colouring;
    this.#shown = new Set();
    (this.#buttons.get(colouring) as HTMLInputElement).checked = true;
    this.#fill();
    this.#tell();
  }

  #add(colouring: Colouring): void {
    const button = make('input', { type: 'radio', name: 'colouring', value: colouring });
    button.addEventListener('change', () => {
      this.choose(colouring);
    });
    this.#buttons.set(colouring, button);
    byId('colouring', HTMLFieldSetElement).append(make('label', {}, button, COLOURING_NAMES[colouring]));
  }

  #fill(): void {
    const entries = legendOf(this.picture, this.#colouring);
    const all = entries.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#list.replaceChildren(
      ...entries.map((entry) => make('li', {}, this.#button(entry, all))),
      nothingIn(this.picture),
    );
  }

  #button(entry: LegendEntry, all: number): HTMLButtonElement {
    const { key, name, colour, bytes } = entry;
    const share = make('span', { class: 'share' }, shareText(bytes / all));
    const button = make(
      'button',
      { type: 'button', class: 'entry', 'aria-pressed': `${this.#shown.has(key)}`, title: 'Show only this' },
      swatch(colour),
      make('span', { class: 'name' }, name),
      make('span', { class: 'bytes' }, size(bytes)),
      share,
    );
    button.addEventListener('click', () => {
      if (!this.#shown.delete(key)) this.#shown.add(key);
      button.setAttribute('aria-pressed', `${this.#shown.has(key)}`);
      this.#list.classList.toggle('chosen', this.#shown.size > 0);
      this.#tell();
    });
    return button;
  }

  #tell(): void {
    this.#list.classList.toggle('chosen', this.#shown.size > 0);
    this.chosen({ colouring: this.#colouring, shown: new Set(this.#shown) });
  }
}

function swatch(colour: Colour): HTMLElement {
  const made = make('span', { class: 'swatch' });
  made.style.backgroundColor = shade(colour);
  return made;
}

/** What the ground of the picture means. */
function nothingIn({ slots, extents }: Picture): HTMLElement {
  const isAll = pagesOf(slots) === pagesOf(extents);
  const name = isAll ? 'in no memslot' : 'in no memslot, or not asked for';
  return make('li', { class: 'entry' }, swatch(INK.nothing), make('span', { class: 'name' }, name));
}

const pagesOf = (parts: readonly Extent[]): number => parts.reduce((sum, { pages }) => sum + pages, 0);

/** A part of a whole in percent, which is 0 or 100 only if it is exactly that. */
export function shareText(part: number): string {
  const percent = part * 100;
  if (percent > 0 && percent < 0.1) return '<0.1 %';
  if (percent < 100 && percent > 99.9) return '>99.9 %';
  return `${percent.toFixed(1)} %`;
}
