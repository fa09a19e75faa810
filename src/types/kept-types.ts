// SPDX-License-Identifier: Apache-2.0
import type { Kept, KeptAnswers } from '../core/kept.js';
import type { Member, TypeSource } from './source.js';

/** Types whose descriptions are kept. Their source is opened when something else is asked. */
export class KeptTypes implements TypeSource {
  readonly #kept: KeptAnswers;
  readonly #types: () => TypeSource;

  constructor(
    kept: KeptAnswers,
    readonly source: string,
    types: () => TypeSource,
  ) {
    this.#kept = kept;
    this.#types = types;
  }

  sizeOf(name: string): number | null {
    return this.#ask(`size ${name}`, (types) => types.sizeOf(name), { write: (size) => size, read: sizeIn });
  }

  member(name: string, path: string): Member | null {
    return this.#ask(`member ${name} ${path}`, (types) => types.member(name, path), MEMBER);
  }

  enumerators(name: string): ReadonlyMap<string, number> | null {
    return this.#ask(`enum ${name}`, (types) => types.enumerators(name), ENUMERATORS);
  }

  /** Null is kept as such. */
  #ask<T>(question: string, ask: (types: TypeSource) => T | null, { read, write }: Form<T>): T | null {
    const kept = this.#kept.get(question);
    const known = kept === null || kept === undefined ? kept : read(kept);
    if (known !== undefined) return known;
    const found = ask(this.#types());
    this.#kept.set(question, found === null ? null : write(found));
    return found;
  }
}

/** How an answer is kept. `read`: undefined if something else is there. */
interface Form<T> {
  readonly write: (answer: T) => Kept;
  readonly read: (kept: Kept) => T | undefined;
}

const sizeIn = (kept: Kept): number | undefined => (typeof kept === 'number' ? kept : undefined);

const KINDS: readonly Member['kind'][] = ['number', 'pointer', 'struct', 'other'];

const MEMBER: Form<Member> = {
  write: ({ offset, size, count, element, kind }) => [offset, size, count, element, kind],
  read(kept) {
    if (!Array.isArray(kept)) return undefined;
    const [offset, size, count, element, kind] = kept as readonly Kept[];
    const known = KINDS.find((each) => each === kind);
    if (known === undefined || typeof offset !== 'number' || typeof size !== 'number') return undefined;
    return typeof count === 'number' && typeof element === 'number'
      ? { offset, size, count, element, kind: known }
      : undefined;
  },
};

const isPair = (kept: Kept): kept is readonly [string, number] =>
  Array.isArray(kept) && typeof kept[0] === 'string' && typeof kept[1] === 'number';

const ENUMERATORS: Form<ReadonlyMap<string, number>> = {
  write: (values) => [...values],
  read(kept) {
    return Array.isArray(kept) && kept.every(isPair) ? new Map(kept) : undefined;
  },
};
