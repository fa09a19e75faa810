// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { Member, TypeSource } from './source.js';

/** Types of one source until some of them can't be read; from then on those of another. */
export class FallbackTypes implements TypeSource {
  #now: TypeSource;
  readonly #second: TypeSource;
  readonly #onChange: (why: DumpError) => void;

  /** `onChange` is told why, once; what it throws is thrown. */
  constructor(first: TypeSource, second: TypeSource, onChange: (why: DumpError) => void) {
    this.#now = first;
    this.#second = second;
    this.#onChange = onChange;
  }

  get source(): string {
    return this.#now.source;
  }

  sizeOf(name: string): number | null {
    return this.#ask((types) => types.sizeOf(name));
  }

  member(name: string, path: string): Member | null {
    return this.#ask((types) => types.member(name, path));
  }

  enumerators(name: string): ReadonlyMap<string, number> | null {
    return this.#ask((types) => types.enumerators(name));
  }

  #ask<T>(question: (types: TypeSource) => T): T {
    try {
      return question(this.#now);
    } catch (error) {
      if (!(error instanceof DumpError) || this.#now === this.#second) throw error;
      this.#onChange(error);
      this.#now = this.#second;
      return question(this.#second);
    }
  }
}
