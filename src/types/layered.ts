// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { describes, type Member, type TypeSource, unanswered } from './source.js';

/**
 * Several sources of types of the same build. A structure is taken, with all its members, from the first source that
 * describes it in full. If that source has not recorded the answer (`unanswered`), later sources are asked.
 */
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
    const owner = this.#owner(name);
    if (owner === null) return null;
    try {
      return owner.member(name, path);
    } catch (error) {
      if (!(error instanceof DumpError) || !unanswered.has(error)) throw error;
      return this.#memberOfLater(owner, name, path, error);
    }
  }

  enumerators(name: string): ReadonlyMap<string, number> | null {
    return firstFound(this.#sources, (source) => source.enumerators(name))?.found ?? null;
  }

  /** The answer of the sources after `owner`, which has not recorded it. Throws `why` if they have not, either. */
  #memberOfLater(owner: TypeSource, name: string, path: string, why: DumpError): Member | null {
    for (const source of this.#sources.slice(this.#sources.indexOf(owner) + 1)) {
      if (!describes(source, name)) continue;
      try {
        return source.member(name, path);
      } catch (error) {
        if (!(error instanceof DumpError) || !unanswered.has(error)) throw error;
      }
    }
    throw why;
  }

  #owner(name: string): TypeSource | null {
    let owner = this.#owners.get(name);
    if (owner === undefined) {
      owner = firstFound(this.#sources, (source) => source.sizeOf(name))?.source ?? null;
      this.#owners.set(name, owner);
    }
    return owner;
  }
}

/** The first answer that is not null, with its source. If there is none, throws the first error that is marked `unanswered`, if any. */
function firstFound<T>(
  sources: readonly TypeSource[],
  ask: (source: TypeSource) => T | null,
): { source: TypeSource; found: T } | null {
  let first: DumpError | null = null;
  for (const source of sources) {
    try {
      const found = ask(source);
      if (found !== null) return { source, found };
    } catch (error) {
      if (!(error instanceof DumpError) || !unanswered.has(error)) throw error;
      first ??= error;
    }
  }
  if (first !== null) throw first;
  return null;
}
