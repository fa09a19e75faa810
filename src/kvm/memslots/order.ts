// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import type { Memslot } from './slot.js';

/** Guest frames from `first` to `end` - 1. */
interface Gap {
  readonly first: number;
  readonly end: number;
}

/**
 * Checks that the slots of a tree come in ascending order of their guest frames. A changed base_gfn usually violates that
 * order. Also records where slots are missing, so that those that are found in another way can be checked as well.
 */
export class Ascending {
  readonly #gaps: Gap[] = [];
  #last: Memslot | null = null;
  #isLost = false;

  /** The next slot of the tree. Throws `DumpError` if the order is violated. */
  next(slot: Memslot): void {
    if (this.#last !== null) checkOrder(this.#last, slot);
    this.#close(slot.first);
    this.#last = slot;
  }

  /** One or more slots can't be read here. */
  lost(): void {
    this.#isLost = true;
  }

  /** There are no other slots in the tree. */
  end(): void {
    this.#close(Infinity);
  }

  /** A slot that was not found in the tree. Throws `DumpError` if it is not where slots of the tree are missing. */
  inGap({ id, first, pages }: Memslot): void {
    if (this.#gaps.some((gap) => first >= gap.first && first + pages <= gap.end)) return;
    throw new DumpError(`memslot ${id} is not where slots of the tree are missing: the dump is damaged there`);
  }

  #close(end: number): void {
    const last = this.#last;
    if (this.#isLost) this.#gaps.push({ first: last === null ? 0 : last.first + last.pages, end });
    this.#isLost = false;
  }
}

/** Throws `DumpError` if a slot begins before the one that precedes it in the order of guest frames. */
export function checkOrder(before: Memslot, after: Memslot): void {
  if (after.first >= before.first) return;
  throw new DumpError(
    `memslots ${before.id} and ${after.id} are not in the order of their guest frames: the dump is damaged there`,
  );
}
