// SPDX-License-Identifier: Apache-2.0
import { orNull } from '../core/errors.js';
import { lowerBound } from '../core/search.js';
import { KIND, kindOf, TYPE_SIZE, type TypeSection } from './btf-format.js';
import type { BtfStrings } from './btf-names.js';
import { type BtfGroup, groupOf } from './btf-walk.js';

/** Where a kernel says the types of its BTF are: `types` of struct btf (kernel/bpf/btf.c). Nothing of it is trusted. */
export interface StatedIndex {
  /** Number of types, with type 0 (void), which is not stored. */
  readonly count: number;
  /** ID of the first type that has a name, if the types are sorted by name; else null. */
  readonly named: number | null;
  /** Offset of a type in the section of types. Throws `DumpError` if the kernel's array can't be read. */
  offset(id: number): number;
}

/** Number of types before and after a type that must follow each other: damage does not move so many pointers by the same step. */
const REACH = 4;
/** Most pointers, arrays and qualifiers that lead to a structure. */
const DEEPEST = 6;
const REFERENCES: ReadonlySet<number> = new Set([
  KIND.Ptr,
  KIND.Array,
  KIND.Const,
  KIND.Volatile,
  KIND.Restrict,
  KIND.TypeTag,
]);
/** Most types of the same name: a structure, a typedef, functions of several files. */
const MOST_ALIKE = 4096;

/**
 * Types in the kernel's own index. What it says is proven: a type begins where the one before it ends, and ends where the next one
 * begins.
 */
export class IndexedTypes {
  /** Offsets of the types that were asked for. */
  readonly #starts = new Map<number, number | null>();

  private constructor(
    readonly section: TypeSection,
    readonly strings: BtfStrings,
    readonly stated: StatedIndex,
  ) {}

  /**
   * The first of these indexes that is one of these types, also if the first or the last types are damaged; null if none is.
   */
  static of(section: TypeSection, strings: BtfStrings, stated: readonly StatedIndex[]): IndexedTypes | null {
    const all = stated.map((each) => new IndexedTypes(section, strings, each)).filter((each) => each.#mayBeTrue());
    return (
      all.find((each) => each.#isFirst() && each.#isCounted()) ??
      all.find((each) => each.#isAmong() && (each.#isFirst() || each.#isCounted())) ??
      null
    );
  }

  #mayBeTrue(): boolean {
    const { count } = this.stated;
    return count >= 2 && count - 1 <= this.section.types.length / TYPE_SIZE;
  }

  #isFirst(): boolean {
    return this.start(1) === 0;
  }

  /** Whether the number of types is proven: the section ends with the last one. */
  #isCounted(): boolean {
    return this.start(this.stated.count - 1) !== null;
  }

  #isAmong(): boolean {
    return this.start(this.stated.count >>> 1) !== null;
  }

  /** Offset of a type; null if it is not proven. */
  start(id: number): number | null {
    let start = this.#starts.get(id);
    if (start === undefined) {
      start = id >= 1 && id < this.stated.count ? orNull(() => this.#linked(id)) : null;
      this.#starts.set(id, start);
    }
    return start;
  }

  /** Whether a type can begin at an offset: false if there are fewer types, or it is proven to begin elsewhere. */
  mayBe(id: number, start: number): boolean {
    if (orNull(() => this.stated.offset(id)) === start) return true;
    if (id >= this.stated.count && this.#isCounted()) return false;
    return [null, start].includes(this.start(id));
  }

  /** Whether a type is of a group and has a name, and the type before it does not, which sorted types could. */
  isNamed(id: number, group: BtfGroup, name: string): boolean {
    const isThis = (each: number): boolean => this.groupAt(each) === group && this.nameAt(each) === name;
    return orNull(() => isThis(id) && (id === 1 || !isThis(id - 1)) && this.start(id) !== null) === true;
  }

  /**
   * ID of the structure of this name to which a type leads: through pointers, arrays and qualifiers; null if it does not lead there. The ID is
   * proven.
   */
  structureOf(type: number, name: string): number | null {
    return orNull(() => {
      let id = type;
      for (let depth = 0; depth < DEEPEST && REFERENCES.has(this.#kindAt(id)); depth++) id = this.#target(id);
      return this.isNamed(id, 'structures', name) ? id : null;
    });
  }

  #kindAt(id: number): number {
    return kindOf(this.section.types.u32(this.stated.offset(id) + 4));
  }

  /** ID of the type to which a pointer or qualifier refers, or of the elements of an array. */
  #target(id: number): number {
    const place = this.#kindAt(id) === KIND.Array ? TYPE_SIZE : 8;
    return this.section.types.u32(this.stated.offset(id) + place);
  }

  nameAt(id: number): string {
    const offset = this.section.types.u32(this.stated.offset(id));
    return offset === 0 ? '' : this.strings.text(offset);
  }

  groupAt(id: number): BtfGroup | null {
    return groupOf(this.#kindAt(id));
  }

  /** Offset of a type, if it and those near it follow each other without a gap; else null. */
  #linked(id: number): number | null {
    const { section, stated } = this;
    const last = Math.min(stated.count - 1, id + REACH);
    const first = Math.max(1, id - REACH);
    let start = stated.offset(first);
    let found = start;
    if (first === 1 && start !== 0) return null;
    for (let each = first; each <= last; each++) {
      const end = each === stated.count - 1 ? section.types.length : stated.offset(each + 1);
      if (start + section.sizeAt(start) !== end) return null;
      if (each === id) found = start;
      start = end;
    }
    return found;
  }
}

/**
 * BTF whose types are sorted by name, those without a name first, so that few of them must be read to find one. The kernel relies
 * on this order (btf_find_by_name_kind), but does not check it for vmlinux (btf_check_sorted). So what is found is proven, and
 * what is not found may be there all the same.
 */
export class SortedTypes {
  private constructor(
    readonly index: IndexedTypes,
    /** ID of the first type that has a name. */
    readonly named: number,
  ) {}

  /** Null if the types in an index are not sorted. */
  static of(index: IndexedTypes): SortedTypes | null {
    const { count, named } = index.stated;
    if (named === null || named < 1 || named >= count) return null;
    const isFirst = orNull(() => index.nameAt(named) !== '' && (named === 1 || index.nameAt(named - 1) === ''));
    return isFirst === true ? new SortedTypes(index, named) : null;
  }

  /** ID of the first type of a group with this name; null if none was found, of which nothing follows. */
  find(group: BtfGroup, name: string): number | null {
    const { index } = this;
    return orNull(() => {
      const first = this.#firstNamed(name);
      const end = Math.min(index.stated.count, first + MOST_ALIKE);
      for (let id = first; id < end && index.nameAt(id) === name; id++)
        if (index.groupAt(id) === group) return index.start(id) === null ? null : id;
      return null;
    });
  }

  /** ID of the first type whose name is not before `name`, in the order of bytes; the number of types if there is none. */
  #firstNamed(name: string): number {
    const { index, named } = this;
    return named + lowerBound(index.stated.count - named, (place) => index.nameAt(named + place) >= name);
  }
}
