// SPDX-License-Identifier: Apache-2.0
import type { Gfn } from '../../core/address.js';
import { DumpError } from '../../core/errors.js';
import { lowerBound } from '../../core/search.js';
import type { ReadSlots } from './reader.js';
import type { Memslot } from './slot.js';

/** The slots of one address space, searchable by guest frame. */
export class MemslotSet {
  /** In ascending order of `first`, without slots that have no pages. */
  readonly slots: readonly Memslot[];
  /** The reason why slots may be missing; null if none is. */
  readonly missing: string | null;
  readonly #firsts: Float64Array;
  #last: Memslot | undefined;

  /** Throws `DumpError` if two slots have the same id or cover the same guest frame, which the kernel does not allow. */
  constructor({ slots, missing }: ReadSlots) {
    this.missing = missing;
    this.slots = slots.filter(({ pages }) => pages > 0).sort((a, b) => a.first - b.first);
    const ids = new Set<number>();
    for (const { id } of this.slots) {
      if (ids.has(id)) throw new DumpError(`two memslots have the id ${id}: the dump is damaged there`);
      ids.add(id);
    }
    this.#firsts = Float64Array.from(this.slots, ({ first }) => first);
    this.slots.forEach((slot, i) => {
      const next = this.slots[i + 1];
      if (next !== undefined && slot.first + slot.pages > next.first)
        throw new DumpError(`memslots ${slot.id} and ${next.id} both cover guest frame 0x${next.first.toString(16)}`);
    });
  }

  /** The slot that contains a guest frame. */
  find(frame: Gfn): Memslot | undefined {
    const last = this.#last;
    if (last !== undefined && frame >= last.first && frame < last.first + last.pages) return last;
    const slot = this.slots[this.#upTo(frame) - 1];
    if (slot === undefined || frame >= slot.first + slot.pages) return undefined;
    this.#last = slot;
    return slot;
  }

  /** The first slot that begins after a guest frame. */
  after(frame: Gfn): Memslot | undefined {
    return this.slots[this.#upTo(frame)];
  }

  /** How many slots begin at a guest frame or before it. */
  #upTo(frame: Gfn): number {
    const firsts = this.#firsts;
    return lowerBound(firsts.length, (i) => (firsts[i] as number) > frame);
  }
}
