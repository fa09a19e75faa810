// SPDX-License-Identifier: Apache-2.0
import { orNull } from '../core/errors.js';
import { kindOf, type TypeSection } from './btf-format.js';
import type { BtfStrings } from './btf-names.js';
import { type BtfGroup, groupOf } from './btf-walk.js';

/** Something that was found in the BTF of a dump; `dump` is null once it was found in another one, too. */
interface Learned<T> {
  readonly value: T;
  readonly dump: string | null;
}

/** Where a type is, and its struct btf_type. */
interface Place {
  readonly at: number;
  readonly name: number;
  readonly info: number;
  readonly size: number;
}

/**
 * What was found in the BTF of a build, so that other dumps of the same build need not be walked for it. A dump can be damaged: what
 * was found in one is used for others only when a second one has said the same, and what can be proven in a dump is proven there.
 */
export class BtfRecord {
  readonly #places = new Map<number, Learned<Place>>();
  readonly #ids: Readonly<Record<BtfGroup, Map<string, Learned<number | null>>>> = {
    structures: new Map(),
    enums: new Map(),
  };

  /** What is known of a type for a dump. */
  place(id: number, dump: string): Place | undefined {
    return believed(this.#places.get(id), dump);
  }

  /** What is known of a name for a dump: the ID of a type, or null for that there is none. */
  id(group: BtfGroup, name: string, dump: string): number | null | undefined {
    return believed(this.#ids[group].get(name), dump);
  }

  learnPlace(id: number, place: Place, dump: string): void {
    const isSame = (known: Place): boolean =>
      known.at === place.at && known.name === place.name && known.info === place.info && known.size === place.size;
    learn(this.#places, id, { value: place, dump, isSame });
  }

  learnId(group: BtfGroup, name: string, id: number | null, dump: string): void {
    learn(this.#ids[group], name, { value: id, dump, isSame: (known) => known === id });
  }
}

function believed<T>(learned: Learned<T> | undefined, dump: string): T | undefined {
  return learned === undefined || (learned.dump !== null && learned.dump !== dump) ? undefined : learned.value;
}

function learn<K, T>(
  all: Map<K, Learned<T>>,
  key: K,
  { value, dump, isSame }: { value: T; dump: string; isSame: (known: T) => boolean },
): void {
  const known = all.get(key);
  if (known === undefined || !isSame(known.value)) all.set(key, { value, dump });
  else if (known.dump !== null && known.dump !== dump) all.set(key, { value, dump: null });
}

/** A record, and the dump that it is used for. */
export interface KnownBtf {
  readonly record: BtfRecord;
  /** Names the dump; different dumps have different names. */
  readonly dump: string;
}

/** The types of a dump's BTF that are known from a record. They are proven by the BTF itself. */
export class KnownTypes {
  readonly #section: TypeSection;
  readonly #strings: BtfStrings;
  readonly #known: KnownBtf;
  readonly #starts = new Map<number, number | null>();

  constructor(section: TypeSection, strings: BtfStrings, known: KnownBtf) {
    this.#section = section;
    this.#strings = strings;
    this.#known = known;
  }

  /** Offset of a type; null if it is not known, or another type is there. */
  start(id: number): number | null {
    let start = this.#starts.get(id);
    if (start === undefined) {
      start = orNull(() => this.#proven(id));
      this.#starts.set(id, start);
    }
    return start;
  }

  /** ID of the first type of a group with this name, null if there is none; undefined if that is not known. */
  find(group: BtfGroup, name: string): number | null | undefined {
    const { record, dump } = this.#known;
    const id = record.id(group, name, dump);
    return id === undefined || id === null || this.#isNamed(id, group, name) ? id : undefined;
  }

  learnStart(id: number, at: number): void {
    const { record, dump } = this.#known;
    record.learnPlace(id, this.#placeAt(at), dump);
    this.#starts.set(id, at);
  }

  learnId(group: BtfGroup, name: string, id: number | null): void {
    const { record, dump } = this.#known;
    record.learnId(group, name, id, dump);
  }

  #proven(id: number): number | null {
    const { record, dump } = this.#known;
    const known = record.place(id, dump);
    if (known === undefined) return null;
    const { name, info, size } = this.#placeAt(known.at);
    return name === known.name && info === known.info && size === known.size ? known.at : null;
  }

  #isNamed(id: number, group: BtfGroup, name: string): boolean {
    const at = this.start(id);
    if (at === null) return false;
    const { types } = this.#section;
    return groupOf(kindOf(types.u32(at + 4))) === group && this.#strings.text(types.u32(at)) === name;
  }

  #placeAt(at: number): Place {
    const { types } = this.#section;
    return { at, name: types.u32(at), info: types.u32(at + 4), size: types.u32(at + 8) };
  }
}
