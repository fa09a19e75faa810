// SPDX-License-Identifier: Apache-2.0
import { orNull } from '../core/errors.js';
import type { Host } from '../kernel/host.js';
import { VmaNames } from '../kernel/vma-names.js';
import type { Space } from './address-spaces.js';
import type { Area } from './areas.js';

/** Names of mappings, each looked up once. */
export class AreaNames {
  readonly #host: Host;
  readonly #bySpace = new Map<Space, VmaNames>();
  readonly #known = new Map<Area, string | null>();

  constructor(host: Host) {
    this.#host = host;
  }

  /** The path of the file, `[heap]`, `[stack]`; null for other memory, and if it can't be read. */
  readonly of = (area: Area): string | null => {
    const known = this.#known.get(area);
    if (known !== undefined) return known;
    const { space, vma } = area;
    const names = this.#bySpace.get(space) ?? new VmaNames(this.#host, space);
    this.#bySpace.set(space, names);
    const name = vma === null ? null : orNull(() => names.nameOf(vma));
    this.#known.set(area, name);
    return name;
  };
}
