// SPDX-License-Identifier: Apache-2.0
import { orNull } from '../core/errors.js';
import { lowerBound } from '../core/search.js';
import { kindOf, TYPE_SIZE, type TypeSection } from './btf-format.js';
import type { BtfStrings } from './btf-names.js';
import { type BtfGroup, groupOf } from './btf-walk.js';

/** Where a kernel says the types of its BTF are: `types` of struct btf (kernel/bpf/btf.c). Nothing of it is trusted. */
export interface StatedIndex {
  /** Number of types, with type 0 (void), which is not stored. */
  readonly count: number;
  /** ID of the first type that has a name. */
  readonly named: number;
  /** Offset of a type in the section of types. Throws `DumpError` if the kernel's array can't be read. */
  offset(id: number): number;
}

/** Number of types before and after a type that must follow each other: damage does not move so many pointers by the same step. */
const REACH = 4;
/** Most types of the same name: a structure, a typedef, functions of several files. */
const MOST_ALIKE = 4096;

/**
 * BTF whose types are sorted by name, those without a name first, so that few of them must be read to find one. The kernel relies
 * on this order (btf_find_by_name_kind), but does not check it for vmlinux (btf_check_sorted). So what is found is proven: the
 * type begins where the one before it ends, ends where the next one begins, and has the name. What is not found may be there all the
 * same.
 */
export class SortedTypes {
  /** Offsets of the types that were asked for. */
  readonly #starts = new Map<number, number | null>();

  private constructor(
    readonly section: TypeSection,
    readonly strings: BtfStrings,
    readonly stated: StatedIndex,
  ) {}

  /** Types that a kernel has an index of; null if what it says is not true of these types. */
  static of(section: TypeSection, strings: BtfStrings, stated: StatedIndex): SortedTypes | null {
    const { count, named } = stated;
    const sorted = new SortedTypes(section, strings, stated);
    const isFirst = (id: number): boolean => sorted.#nameAt(id) !== '' && (id === 1 || sorted.#nameAt(id - 1) === '');
    if (count < 2 || count - 1 > section.types.length / TYPE_SIZE || named < 1 || named >= count) return null;
    // The first and the last type prove the number of types, as the section begins with one and ends with the other.
    const isTrue = orNull(() => sorted.start(1) === 0 && sorted.start(count - 1) !== null && isFirst(named));
    return isTrue === true ? sorted : null;
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

  /** ID of the first type of a group with this name; null if none was found, of which nothing follows. */
  find(group: BtfGroup, name: string): number | null {
    return orNull(() => {
      const first = this.#firstNamed(name);
      const end = Math.min(this.stated.count, first + MOST_ALIKE);
      for (let id = first; id < end && this.#nameAt(id) === name; id++)
        if (groupOf(kindOf(this.section.types.u32(this.stated.offset(id) + 4))) === group)
          return this.start(id) === null ? null : id;
      return null;
    });
  }

  /** ID of the first type whose name is not before `name`, in the order of bytes; the number of types if there is none. */
  #firstNamed(name: string): number {
    const { named, count } = this.stated;
    return named + lowerBound(count - named, (index) => this.#nameAt(named + index) >= name);
  }

  #nameAt(id: number): string {
    const offset = this.section.types.u32(this.stated.offset(id));
    return offset === 0 ? '' : this.strings.text(offset);
  }

  /** Offset of a type, if it and those near it follow each other without a gap; else null. */
  #linked(id: number): number | null {
    const { section, stated } = this;
    const last = Math.min(stated.count - 1, id + REACH);
    let each = Math.max(1, id - REACH);
    let start = each === 1 ? 0 : stated.offset(each);
    for (; each <= last; each++) {
      const end = each === stated.count - 1 ? section.types.length : stated.offset(each + 1);
      if (stated.offset(each) !== start || start + section.sizeAt(start) !== end) return null;
      start = end;
    }
    return stated.offset(id);
  }
}
