// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { Member, TypeSource } from './source.js';

/** Types from a first source until a read of it fails; from then on from a second source. */
export class FallbackTypes implements TypeSource {
  #now: TypeSource;
  readonly #second: TypeSource;
  readonly #onChange: (why: DumpError) => void;

  /** `onChange` is called once, with the error; an exception that it throws passes through. */
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
