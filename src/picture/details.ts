// SPDX-License-Identifier: Apache-2.0
// The selected page: its addresses, which can be copied.

import { byId, make } from '../browser/elements.js';
import { type Fact, factsOf, sentenceOf } from './describe.js';
import { type Model, whenRead } from './model.js';

const NOTHING = 'Click a page, or find an address.';
/** Longer texts have lines of their own. */
const LONG = 30;
/** Milliseconds for which a button says that the text was copied. */
const COPIED = 1500;

export class Details {
  readonly #box = byId('details', HTMLElement);
  readonly #live = byId('live', HTMLElement);
  #shown: { readonly page: number; readonly offset: number } | null = null;

  constructor(readonly model: Model) {
    this.clear();
    whenRead(() => {
      if (this.#shown !== null) this.show(this.#shown.page, this.#shown.offset);
    });
  }

  clear(): void {
    this.#shown = null;
    this.#box.replaceChildren(make('p', { class: 'hint' }, NOTHING));
    this.#live.textContent = '';
  }

  /** Shows an address. */
  show(page: number, offset: number): void {
    this.#shown = { page, offset };
    const place = this.model.placeAt(page, offset);
    const { picture } = this.model;
    this.#box.replaceChildren(make('dl', {}, ...factsOf(picture, place).map(factElement)));
    this.#live.textContent = sentenceOf(picture, place);
  }
}

function factElement({ name, value, copied }: Fact): HTMLElement {
  const text = make('dd', copied === undefined ? {} : { class: 'address' }, make('span', {}, value));
  if (copied !== undefined) text.append(copyButton(name, value));
  return make('div', value.length > LONG ? { class: 'long' } : {}, make('dt', {}, name), text);
}

function copyButton(name: string, value: string): HTMLButtonElement {
  const label = `Copy ${name}`;
  const button = make('button', { type: 'button', class: 'copy', 'aria-label': label, title: label }, 'Copy');
  button.addEventListener('click', () => {
    void navigator.clipboard.writeText(value).then(
      () => {
        say(button, 'Copied');
      },
      // The browser may forbid it for files; the text can still be selected.
      () => {
        say(button, 'Not allowed');
      },
    );
  });
  return button;
}

function say(button: HTMLButtonElement, text: string): void {
  button.textContent = text;
  setTimeout(() => {
    button.textContent = 'Copy';
  }, COPIED);
}
