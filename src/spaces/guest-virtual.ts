// SPDX-License-Identifier: Apache-2.0
import type { Pfn } from '../core/address.js';
import type { FrameGap, FrameSource } from '../core/memory.js';
import type { Reason, State } from '../core/outcome.js';
import { linearEnd, type Paging, type PagingMode } from '../paging/architecture.js';
import { type GuestFault, type GuestWalk, GuestWalker } from '../paging/guest-walker.js';
import type { ContentsSource } from './contents.js';
import { frameGapOf } from './guest-image.js';
import type { GuestSpace } from './guest-space.js';
import type { Pages } from './reading.js';
import { type Gap, isGap } from './space.js';

/** Why a guest virtual address does not have a guest physical one. */
export interface VirtualFault extends Gap {
  readonly state: State;
  readonly reason: Reason;
}

const FAULTS: Readonly<Record<GuestFault, readonly [State, Reason]>> = {
  noncanonical: ['noncanonical', 'gva-noncanonical'],
  'not-present': ['not-present', 'gva-not-present'],
  reserved: ['damaged', 'gva-reserved-bits'],
  'table-missing': ['table-missing', 'gva-table-missing'],
  'table-empty': ['damaged', 'gva-table-empty'],
};

const KINDS: Readonly<Record<PagingMode, string>> = {
  none: 'paging off',
  '32-bit': '32-bit paging',
  pae: 'PAE paging',
  '4-level': '4-level paging',
  '5-level': '5-level paging',
};

/** A guest's virtual memory, through its own page tables. */
export class GuestVirtual implements Pages {
  readonly #space: GuestSpace;
  readonly #walker: GuestWalker;

  constructor(
    space: GuestSpace,
    readonly paging: Paging,
  ) {
    this.#space = space;
    this.#walker = new GuestWalker(framesOf(space), paging);
  }

  get source(): ContentsSource {
    return this.#space.source;
  }

  /** The walk to a page: its virtual address / 4096. */
  walk(page: number): GuestWalk {
    return this.#walker.walk(page);
  }

  /** Why a walk did not end at a page; null if it did. */
  faultOf(walk: GuestWalk): VirtualFault | null {
    if (walk.fault === null) return null;
    const [state, reason] = FAULTS[walk.fault];
    return { state, reason, message: this.#explain(walk, walk.fault) };
  }

  bytes(page: number): DataView | Gap {
    const walk = this.walk(page);
    // Without a fault there is a frame.
    return this.faultOf(walk) ?? this.#space.bytes(walk.frame as Pfn);
  }

  gapEnd(page: number, end: number): number {
    const { fault, pages } = this.walk(page);
    if (fault === null) return page + 1;
    // The top table also has entries for addresses that the mode does not have.
    const last = Math.min(end, linearEnd(this.paging.mode, page));
    return fault === 'noncanonical' ? last : Math.min(last, page - (page % pages) + pages);
  }

  #explain({ table, frame }: GuestWalk, fault: GuestFault): string {
    if (fault === 'noncanonical') return `not a linear address of a guest with ${KINDS[this.paging.mode]}`;
    if (fault === 'not-present') return `not mapped by the guest: its ${table} entry is not present`;
    if (fault === 'reserved') return `its ${table} entry in the guest has reserved bits set`;
    const place = `the guest's ${table} table at guest physical address 0x${((frame ?? 0) * 4096).toString(16)}`;
    if (fault === 'table-empty') return `${place} maps nothing, not even the code that ran: CR3 or this page is wrong`;
    const missing = this.#space.bytes(frame ?? 0);
    const why = isGap(missing) ? missing.message : 'it can be read now';
    return `${place}: ${why}`;
  }
}

/** A guest's physical memory for walks. */
const framesOf = (space: GuestSpace): FrameSource => ({
  frame(frame) {
    const bytes = space.bytes(frame);
    return isGap(bytes) ? null : bytes;
  },
  why(frame): FrameGap {
    const bytes = space.bytes(frame);
    return isGap(bytes) ? frameGapOf(bytes) : { reason: 'unreadable', message: 'the page can be read now' };
  },
});
