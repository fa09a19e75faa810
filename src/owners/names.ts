// SPDX-License-Identifier: Apache-2.0
import { orLost } from '../core/errors.js';
import type { Host } from '../kernel/host.js';
import { VmaNames } from '../kernel/vma-names.js';
import type { Space } from './address-spaces.js';
import type { Area } from './areas.js';
import { spaceName } from './unseen.js';

/** The name of a mapping: a path, `[heap]`, `[stack]`; null for other memory, and if it is not known: then `problem` says why. */
export interface AreaName {
  readonly name: string | null;
  readonly problem: string | null;
}

/** Names of mappings, each looked up once. */
export class AreaNames {
  readonly #host: Host;
  readonly #bySpace = new Map<Space, VmaNames>();
  readonly #known = new Map<Area, AreaName>();

  constructor(host: Host) {
    this.#host = host;
  }

  of(area: Area): AreaName {
    const known = this.#known.get(area) ?? this.#read(area);
    this.#known.set(area, known);
    return known;
  }

  #read({ space, vma }: Area): AreaName {
    if (vma === null) return NONE;
    const names = this.#bySpace.get(space) ?? new VmaNames(this.#host, space);
    this.#bySpace.set(space, names);
    let problem: string | null = null;
    const name = orLost(
      ({ message }) => {
        problem = `the name of a mapping of ${spaceName(space)}: ${message}`;
      },
      () => names.nameOf(vma),
    );
    return { name, problem };
  }
}

const NONE: AreaName = { name: null, problem: null };
