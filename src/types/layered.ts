// SPDX-License-Identifier: Apache-2.0
import type { Member, TypeSource } from './source.js';

/** Several sources: each structure is taken, with all its members, from the first that has it whole. */
export class LayeredTypes implements TypeSource {
  readonly source: string;
  readonly #sources: readonly TypeSource[];
  readonly #owners = new Map<string, TypeSource | null>();

  constructor(sources: readonly TypeSource[]) {
    this.#sources = sources;
    this.source = sources.map(({ source }) => source).join(', ');
  }

  sizeOf(name: string): number | null {
    return this.#owner(name)?.sizeOf(name) ?? null;
  }

  member(name: string, path: string): Member | null {
    return this.#owner(name)?.member(name, path) ?? null;
  }

  enumerators(name: string): ReadonlyMap<string, number> | null {
    for (const source of this.#sources) {
      const values = source.enumerators(name);
      if (values !== null) return values;
    }
    return null;
  }

  #owner(name: string): TypeSource | null {
    let owner = this.#owners.get(name);
    if (owner === undefined) {
      owner = this.#sources.find((source) => source.sizeOf(name) !== null) ?? null;
      this.#owners.set(name, owner);
    }
    return owner;
  }
}
