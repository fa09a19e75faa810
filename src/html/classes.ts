// SPDX-License-Identifier: Apache-2.0
import type { State } from '../core/outcome.js';
import type { PageClass } from './format.js';

/** A run of pages of one memslot, as the map lists it. */
export interface PictureRun {
  /** First guest frame. */
  readonly first: number;
  readonly pages: number;
  readonly state: State;
  readonly reason: string | null;
  readonly pageSize: number | null;
  readonly protNone: boolean;
  /** The machine's frame if `mapped`; otherwise the one that the entry names, if any. */
  readonly frame: number | null;
  readonly node: number | null;
  readonly swap: { readonly type: number; readonly offset: number; readonly device: string | null } | null;
}

type Counted = { -readonly [Key in keyof PageClass]: PageClass[Key] };

/** The class NOWHERE. */
const nowhere: Counted = {
  state: 'no-memslot',
  reason: null,
  pageSize: null,
  protNone: false,
  node: null,
  place: null,
  swap: null,
  mixed: false,
  pages: 0,
};

/** The classes of the pages of a map, in the order in which they were met. */
export class Classes {
  readonly all: Counted[] = [{ ...nowhere }];
  /** Classes that were met last come first: a map has few, which alternate. */
  readonly #recent: number[] = [];
  readonly #mixed = new Map<number, number>();

  /** The number of a run's class. Its pages are counted. */
  of(run: PictureRun): number {
    const recent = this.#recent;
    let at = 0;
    while (at < recent.length && !isOf(run, this.all[recent[at] as number] as Counted)) at++;
    const number = at < recent.length ? (recent[at] as number) : this.#add(classOf(run));
    // Shifted one by one: splice() allocates.
    for (let i = at; i > 0; i--) recent[i] = recent[i - 1] as number;
    recent[0] = number;
    (this.all[number] as Counted).pages += run.pages;
    return number;
  }

  /** The number of the class of stretches most of whose pages are of class `number`. */
  mixedOf(number: number): number {
    const known = this.#mixed.get(number);
    if (known !== undefined) return known;
    const made = this.#add({ ...(this.all[number] as Counted), mixed: true, place: null, pages: 0 });
    this.#mixed.set(number, made);
    return made;
  }

  #add(made: Counted): number {
    this.all.push(made);
    return this.all.length - 1;
  }
}

const placeOf = ({ state, frame, swap }: PictureRun): PageClass['place'] =>
  state === 'mapped' ? 'hpa' : swap !== null ? 'swap' : frame === null ? null : 'entry';

const classOf = (run: PictureRun): Counted => {
  const { state, reason, pageSize, protNone, node, swap } = run;
  const area = swap === null ? null : { type: swap.type, device: swap.device };
  return { state, reason, pageSize, protNone, node, place: placeOf(run), swap: area, mixed: false, pages: 0 };
};

const isOf = (run: PictureRun, known: Counted): boolean =>
  run.state === known.state &&
  run.node === known.node &&
  run.pageSize === known.pageSize &&
  run.reason === known.reason &&
  run.protNone === known.protNone &&
  placeOf(run) === known.place &&
  run.swap?.type === known.swap?.type;

/** The place of a run's first page, of the kind that its class says. */
export const firstPlace = ({ state, frame, swap }: PictureRun): number =>
  state !== 'mapped' && swap !== null ? swap.offset : (frame ?? 0);
