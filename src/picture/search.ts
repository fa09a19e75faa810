// SPDX-License-Identifier: Apache-2.0
// The search field and what was found.

import { byId, make } from '../browser/elements.js';
import { hex } from './describe.js';
import { type AddressKind, addressIn, find, type Hit, KINDS } from './find.js';
import type { Model } from './model.js';

const NAMES: Readonly<Record<AddressKind, string>> = { gpa: 'GPA', hva: 'HVA', hpa: 'HPA' };

export class Search {
  readonly #query = byId('query', HTMLInputElement);
  readonly #kind = byId('kind', HTMLSelectElement);
  readonly #found = byId('found', HTMLElement);
  #number = 0;

  /** `show` is called with a hit that is alone, or that is chosen. */
  constructor(
    readonly model: Model,
    readonly show: (hit: Hit) => void,
  ) {
    byId('search', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#find();
    });
  }

  focus(): void {
    this.#query.focus();
    this.#query.select();
  }

  /** Ends a search and removes what it found. */
  clear(): void {
    this.#number++;
    this.#found.replaceChildren();
    byId('results', HTMLElement).hidden = true;
  }

  async #find(): Promise<void> {
    const number = ++this.#number;
    const text = this.#query.value;
    const asked = addressIn(text);
    if (asked === null) {
      this.#say(`'${text}' is not a hexadecimal address`);
      return;
    }
    this.#say('Searching…');
    const kinds = KINDS.filter((kind) => this.#kind.value === 'any' || this.#kind.value === kind);
    const found = await find(this.model, asked, kinds, () => number === this.#number);
    if (found === null) return;
    this.#list(hex(asked.page, asked.offset), kinds, found);
  }

  #list(
    address: string,
    kinds: readonly AddressKind[],
    { hits, count }: { hits: readonly Hit[]; count: number },
  ): void {
    const what = kinds.length === KINDS.length ? 'address' : NAMES[kinds[0] as AddressKind];
    const [only] = hits;
    const more = count > hits.length ? `, the first ${hits.length}` : '';
    const some =
      this.model.picture.placesEnd !== null && kinds.includes('hpa') ? ' Not all HPAs are in this page.' : '';
    if (only === undefined) this.#say(`No ${what} ${address} in this guest.${some}`);
    else if (only.kind === 'gpa' && count === 1) this.#say(`GPA ${address} is in this guest.${some}`);
    else if (count === 1) this.#say(`${NAMES[only.kind]} ${address} is at GPA ${hex(only.page, only.offset)}.${some}`);
    else {
      this.#say(`${address} is found ${count} times${more}.${some}`);
      this.#found.append(make('ol', {}, ...hits.map((hit) => make('li', {}, this.#button(hit)))));
    }
    if (only !== undefined) this.show(only);
  }

  #button(hit: Hit): HTMLButtonElement {
    const text = `GPA ${hex(hit.page, hit.offset)}`;
    const button = make(
      'button',
      { type: 'button', class: 'link' },
      text,
      make('span', {}, ` by its ${NAMES[hit.kind]}`),
    );
    button.addEventListener('click', () => {
      this.show(hit);
    });
    return button;
  }

  #say(text: string): void {
    byId('results', HTMLElement).hidden = false;
    this.#found.replaceChildren(make('p', {}, text));
  }
}
