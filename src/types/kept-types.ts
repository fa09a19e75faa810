// SPDX-License-Identifier: Apache-2.0
import { type Kept, type KeptAnswers, type KeptForm, keptOr } from '../core/kept.js';
import type { Member, TypeSource } from './source.js';

/** Types whose descriptions are kept. Their source is opened when something else is asked. */
export class KeptTypes implements TypeSource {
  readonly #kept: KeptAnswers;
  readonly #source: () => string;
  readonly #types: () => TypeSource;

  /** `source`: where the descriptions are from. `types` opens their source. */
  constructor(kept: KeptAnswers, source: () => string, types: () => TypeSource) {
    this.#kept = kept;
    this.#source = source;
    this.#types = types;
  }

  get source(): string {
    return this.#source();
  }

  sizeOf(name: string): number | null {
    return keptOr(this.#kept, `size ${name}`, SIZE, () => this.#types().sizeOf(name));
  }

  member(name: string, path: string): Member | null {
    return keptOr(this.#kept, `member ${name} ${path}`, MEMBER, () => this.#types().member(name, path));
  }

  enumerators(name: string): ReadonlyMap<string, number> | null {
    return keptOr(this.#kept, `enum ${name}`, ENUMERATORS, () => this.#types().enumerators(name));
  }
}

const SIZE: KeptForm<number> = {
  write: (size) => size,
  read: (kept) => (typeof kept === 'number' ? kept : undefined),
};

const KINDS: readonly Member['kind'][] = ['number', 'pointer', 'struct', 'other'];

const MEMBER: KeptForm<Member> = {
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

const ENUMERATORS: KeptForm<ReadonlyMap<string, number>> = {
  write: (values) => [...values],
  read(kept) {
    return Array.isArray(kept) && kept.every(isPair) ? new Map(kept) : undefined;
  },
};
