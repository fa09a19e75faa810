// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { TypeSection } from './btf-format.js';
import type { TypeHints } from './btf-hints.js';
import { IndexedTypes, SortedTypes, type StatedIndex } from './btf-index.js';
import type { BtfStrings } from './btf-names.js';
import { type KnownBtf, KnownTypes } from './btf-record.js';
import { type BtfGroup, TypeWalk } from './btf-walk.js';

/** Types, and where the search for them may begin. */
export interface Searched {
  readonly section: TypeSection;
  readonly strings: BtfStrings;
  /** ID of the first type. */
  readonly first: number;
  /** What may be the kernel's index. */
  readonly stated: readonly StatedIndex[];
  /** The same, asked for only when types are walked. */
  readonly late: () => readonly StatedIndex[];
  /** What is known of the same build; null if nothing is. */
  readonly known: KnownBtf | null;
  /** Where names were in earlier runs; null if that is not kept. */
  readonly hints: TypeHints | null;
}

/** The types of one BTF by ID and by name: they are walked (`TypeWalk`), or found in the kernel's own index. */
export class TypeIds {
  readonly #source: string;
  readonly #searched: Searched;
  readonly #walk: TypeWalk;
  /** The same types in the kernel's index; null if the kernel does not have one, or it is asked for later. */
  readonly #index: IndexedTypes | null;
  /** The same types, sorted by name; null if they are not sorted, or there is no index. */
  readonly #sorted: SortedTypes | null;
  /** What is known of them from other dumps of the same build; null if nothing is. */
  readonly #known: KnownTypes | null;
  /** What `late` says; undefined until it is asked. */
  #late: IndexedTypes | null | undefined;
  /** Whether the walk and the index have agreed so far. */
  #agrees = true;

  constructor(source: string, searched: Searched) {
    const { section, strings, first, known, stated } = searched;
    this.#source = source;
    this.#searched = searched;
    this.#walk = new TypeWalk(section, first, strings);
    this.#known = known === null ? null : new KnownTypes(section, strings, known);
    this.#index = IndexedTypes.of(section, strings, stated);
    this.#sorted = this.#index === null ? null : SortedTypes.of(this.#index);
  }

  /** The kernel's index; null if the kernel does not have one, or it can't be proven. */
  get index(): IndexedTypes | null {
    if (this.#index !== null) return this.#index;
    const { section, strings, late } = this.#searched;
    if (this.#late === undefined) this.#late = IndexedTypes.of(section, strings, late());
    return this.#late;
  }

  /** Offsets of all types. */
  starts(): Uint32Array {
    return this.#walk.starts();
  }

  /**
   * ID of the first type of a group with this name; null if there is none. `another`: a quicker way to it than to walk, which may return
   * another structure of the same name, and null if it fails.
   */
  find(group: BtfGroup, name: string, another: (() => number | null) | null = null): number | null {
    this.#checkAgreement();
    const known = this.#known?.find(group, name);
    if (known !== undefined) return known;
    const hinted = this.#hinted(group, name);
    const id = hinted ?? this.#sorted?.find(group, name) ?? this.#walked(group, name, another);
    this.#known?.learnId(group, name, id);
    // A hint that was used is not further evidence.
    if (id !== null && hinted === null) this.#searched.hints?.learn(group, name, id);
    return id;
  }

  /** Offset of a type in its section. Throws `DumpError` if the ID is too large, or the BTF is damaged. */
  start(id: number): number {
    const known = this.#known?.start(id) ?? null;
    if (known !== null) return known;
    const start = this.#index?.start(id) ?? this.#startOf(id);
    this.#known?.learnStart(id, start);
    return start;
  }

  #startOf(id: number): number {
    const start = this.#walk.walked(id) ?? this.#late?.start(id) ?? this.#walk.start(id);
    if (start === null) throw new DumpError(`${this.#source}: type ${id} not found`);
    this.#check(id, start);
    return start;
  }

  /** The ID that the hints name, if the kernel's index proves it; else null. */
  #hinted(group: BtfGroup, name: string): number | null {
    const id = this.#index === null ? undefined : this.#searched.hints?.id(group, name);
    return id !== undefined && this.#index?.isNamed(id, group, name) === true ? id : null;
  }

  #walked(group: BtfGroup, name: string, another: (() => number | null) | null): number | null {
    const near = another === null ? null : (this.#walk.findWalked(group, name) ?? another());
    const id = near ?? this.#walk.find(group, name);
    const { last } = this.#walk;
    // A damaged type can have hidden the one with this name: then the last type is elsewhere, too.
    for (const each of [id, last]) {
      const start = each === null ? null : this.#walk.walked(each);
      if (each !== null && start !== null) this.#check(each, start);
    }
    return id;
  }

  /**
   * Throws if the kernel's index has a type elsewhere than the walk: a type with a damaged number of members shifts the IDs of all types
   * that are walked after it, so that members would have the types of others. Nothing of such BTF is used from then on.
   */
  #check(id: number, start: number): void {
    this.#agrees &&= this.index?.mayBe(id, start) ?? true;
    this.#checkAgreement();
  }

  #checkAgreement(): void {
    if (!this.#agrees) throw new DumpError(`${this.#source}: the types are not those of the kernel's index: damaged`);
  }
}
