// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Log } from '../core/log.js';
import { ownFolder, readOwn, writeOwn } from '../io/own-files.js';
import { reasonOf } from '../io/system-error.js';
import { AT, TAG } from '../types/dwarf/constants.js';
import type { DefinitionKind, Definitions, Place } from '../types/dwarf/definitions.js';
import type { Entries } from '../types/dwarf/entries.js';

/** Must be increased when the format of the cache, or the way definitions are found, changes. */
const VERSION = 1;

type Kept = Readonly<Record<string, readonly [unit: number, entry: number] | null>>;

/**
 * Places of a file's definitions, cached in the user's cache folder by build-id and size of the file. A cached place is
 * verified before use; that a file does not define a name can't be verified, and relies on the cache's checksum.
 */
export class CachedDefinitions implements Definitions {
  /** Path of the cache; null if the user has no cache folder, or caches are off. */
  readonly #path: string | null;
  readonly #kept: Kept;
  readonly #found = new Map<string, Place | null>();

  constructor(
    readonly entries: Entries,
    readonly search: Definitions,
    readonly identity: { readonly buildId: string; readonly size: number },
  ) {
    const folder = ownFolder('dwarf');
    this.#path = folder === null ? null : join(folder, `${identity.buildId}-${identity.size}.json`);
    this.#kept = this.#path === null ? {} : this.#load(this.#path);
  }

  find(kind: DefinitionKind, name: string): Place | null {
    const key = `${kind} ${name}`;
    let place = this.#found.get(key);
    if (place === undefined) {
      place = this.#fromKept(kind, name, key);
      if (place === undefined) place = this.search.find(kind, name);
      this.#found.set(key, place);
    }
    return place;
  }

  /** Saves what was found in this run. Failures are only logged: they cost nothing but time in the next run. */
  save(log: Log): void {
    const places = { ...this.#kept };
    for (const [key, place] of this.#found) places[key] = place === null ? null : [place.unit, place.entry];
    const text = JSON.stringify(places);
    if (this.#path === null || text === JSON.stringify(this.#kept)) return;
    try {
      const whole = JSON.stringify({ ...this.#head(), sum: sumOf(text), places });
      writeOwn(this.#path, () => [Buffer.from(whole)]);
    } catch (error) {
      log.found(`index of debug information not cached: ${reasonOf(error)}`);
    }
  }

  #head() {
    return { format: 'kvm-vtop index of debug information', version: VERSION, ...this.identity };
  }

  #fromKept(kind: DefinitionKind, name: string, key: string): Place | null | undefined {
    const kept = Object.hasOwn(this.#kept, key) ? this.#kept[key] : undefined;
    if (kept === undefined || kept === null) return kept;
    const place = { unit: kept[0], entry: kept[1] };
    return this.#isThere(kind, name, place) ? place : undefined;
  }

  #isThere(kind: DefinitionKind, name: string, place: Place): boolean {
    try {
      const entry = this.entries.entry(this.entries.unit(place.unit), place.entry);
      if (entry === null || this.entries.text(entry, AT.Name) !== name) return false;
      const enumeration = entry.tag === TAG.EnumerationType;
      const structure = entry.tag === TAG.StructureType || entry.tag === TAG.UnionType;
      return kind === 'enumeration' ? enumeration : structure;
    } catch {
      return false;
    }
  }

  #load(path: string): Kept {
    try {
      const value = JSON.parse(Buffer.from(readOwn(path) ?? []).toString() || '{}') as { sum?: unknown; places?: Kept };
      const { sum, places = {}, ...head } = value;
      const isOurs = JSON.stringify(head) === JSON.stringify(this.#head());
      return isOurs && sum === sumOf(JSON.stringify(places)) && areWhole(places) ? places : {};
    } catch {
      return {};
    }
  }
}

const sumOf = (text: string): string => createHash('sha256').update(text).digest('hex');

const areWhole = (places: Kept): boolean =>
  Object.values(places).every((place) => place === null || (Array.isArray(place) && place.every(Number.isSafeInteger)));
