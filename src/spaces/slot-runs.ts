// SPDX-License-Identifier: Apache-2.0
import { type Gfn, gfn, type Vpn } from '../core/address.js';
import type { Memslot } from '../kvm/memslots/slot.js';
import type { GuestRun } from './guest-run.js';
import type { GuestSpace } from './guest-space.js';
import { type Nodes, PlacedRun, PlacedRuns } from './placed-runs.js';
import { common, type PageRange } from './ranges.js';
import type { RunCursor } from './space.js';

/** A run of pages of one memslot and one NUMA node. */
export class SlotRun extends PlacedRun {
  readonly vma = null;
  slot!: Memslot;

  get first(): Gfn {
    return gfn(this.at);
  }

  get page(): Vpn {
    const { slot, at } = this;
    return (slot.page + (at - slot.first)) as Vpn;
  }
}

/**
 * The runs of ranges of a guest's memory that are in memslots, ascending: each the longest stretch of pages of one slot with
 * the same answer, consecutive frames and one NUMA node. `nodes`: null if they are not known.
 */
export class SlotRuns extends PlacedRuns<SlotRun> {
  readonly #space: GuestSpace;
  /** The parts of slots that are in the ranges, ascending. */
  readonly #parts: readonly (PageRange & { readonly slot: Memslot })[];
  #next = 0;

  constructor(space: GuestSpace, ranges: readonly PageRange[], nodes: Nodes | null) {
    super(new SlotRun(), nodes);
    this.#space = space;
    this.#parts = partsOf(space.slots.slots, ranges);
  }

  get pages(): number {
    return this.#parts.reduce((sum, { first, end }) => sum + end - first, 0);
  }

  protected override isDevice(page: Vpn): boolean {
    return this.#space.isDevice(page);
  }

  protected begin(): RunCursor<GuestRun> | null {
    const part = this.#parts[this.#next++];
    if (part === undefined) return null;
    this.run.slot = part.slot;
    return this.#space.runs(part.first, part.end);
  }
}

function partsOf(slots: readonly Memslot[], ranges: readonly PageRange[]): (PageRange & { slot: Memslot })[] {
  const parts: (PageRange & { slot: Memslot })[] = [];
  let index = 0;
  for (const slot of slots) {
    const whole = { first: slot.first, end: slot.first + slot.pages };
    while ((ranges[index]?.end ?? Infinity) <= whole.first) index++;
    for (let i = index; i < ranges.length; i++) {
      const range = ranges[i] as PageRange;
      if (range.first >= whole.end) break;
      const part = common(whole, range);
      if (part !== null) parts.push({ ...part, slot });
    }
  }
  return parts;
}
