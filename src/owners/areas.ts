// SPDX-License-Identifier: Apache-2.0
// The parts of a process's memory whose page tables are searched.
import type { Host } from '../kernel/host.js';
import type { Mm } from '../kernel/mm.js';
import type { Vma } from '../kernel/vma.js';
import { merged, type PageRange } from '../spaces/ranges.js';
import { VmaAreas } from '../spaces/vma-areas.js';
import type { VmaPart } from '../spaces/vma-runs.js';
import type { Space } from './address-spaces.js';
import type { SlotIndex } from './slot-index.js';

/** A mapping of a process in which wanted frames were found. */
export interface Area {
  readonly space: Space;
  /** Null outside of the mappings that can be read. */
  readonly vma: Vma | null;
}

/** Parts that are searched, ascending, and why mappings may be missing. */
export interface Searched {
  readonly parts: readonly VmaPart[];
  readonly missing: string | null;
}

/**
 * The mappings of a process; memslots outside of them, because guests reach that memory, too; and everything, if mappings
 * may be missing. `end`: the first page that a process can't have.
 */
export function searchedIn(host: Host, mm: Mm, slots: SlotIndex | null, end: number): Searched {
  const { parts, missing } = new VmaAreas(host, mm, 0n, BigInt(end));
  if (missing !== null || slots === null) return { parts, missing };
  const others = without(merged(slots.ranges), parts).map((range) => ({ ...range, vma: null }));
  return { parts: [...parts, ...others].sort((a, b) => a.first - b.first), missing };
}

/** What `ranges` have and `taken` do not. Both ascend, and do not overlap. */
function without(ranges: readonly PageRange[], taken: readonly PageRange[]): PageRange[] {
  const left: PageRange[] = [];
  let next = 0;
  for (const { first, end } of ranges) {
    let at = first;
    while (next < taken.length && (taken[next] as PageRange).end <= first) next++;
    for (let i = next; i < taken.length && (taken[i] as PageRange).first < end; i++) {
      const part = taken[i] as PageRange;
      if (part.first > at) left.push({ first: at, end: part.first });
      at = part.end;
    }
    if (at < end) left.push({ first: at, end });
  }
  return left;
}
