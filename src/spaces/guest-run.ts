// SPDX-License-Identifier: Apache-2.0
import type { Cached } from '../caches/page-cache.js';
import { PAGE_SIZE, PHYSICAL_LIMIT, type Vpn } from '../core/address.js';
import type { State } from '../core/outcome.js';
import type { MemslotSet } from '../kvm/memslots/set.js';
import type { Memslot } from '../kvm/memslots/slot.js';
import { type Explain, type MmRun, MutableMmRun, NO_ENTRY } from './mm-run.js';

/** The first guest frame beyond the physical address space. */
export const BEYOND = PHYSICAL_LIMIT / PAGE_SIZE;

/** A run of a guest's pages that are all in the same slot, or all in no slot. */
export interface GuestRun extends MmRun {
  /** The slot that contains the pages; null if there is none. */
  readonly slot: Memslot | null;
  /** Host virtual address of the first page / 4096; null without a slot. */
  readonly hva: Vpn | null;
}

/** A run of a guest's pages whose fields are set one after another. */
export class MutableGuestRun extends MutableMmRun implements GuestRun {
  slot: Memslot | null = null;

  get hva(): Vpn | null {
    return this.slot === null ? null : this.vpn;
  }

  override copy(): MutableGuestRun {
    const copy = new MutableGuestRun(this.deviceOf);
    copy.take(this);
    copy.slot = this.slot;
    return copy;
  }

  /** Sets the run to the answer for pages that are in no slot. */
  inNoSlot({ missing }: MemslotSet): State {
    this.slot = null;
    if (this.page >= BEYOND) return this.end('no-memslot', 'beyond-physical', NO_ENTRY, TOO_HIGH);
    if (missing === null) return this.end('no-memslot', 'no-slot', NO_ENTRY, NO_SLOT);
    return this.end(
      'slots-missing',
      'slot-unreadable',
      NO_ENTRY,
      () => `no memslot that can be read holds it: ${missing}`,
    );
  }

  /**
   * Sets the run to the answer for pages of a slot with guest_memfd that are not known to be shared. `found`: what the
   * guest_memfd has for them.
   */
  inMemfd(isPrivate: true | 'all', found: Cached): State {
    const [reason, text] = MEMFD[`${isPrivate}`];
    const more: Explain = found.kind === 'unknown' ? () => `; its frame is not known: ${found.why}` : FOUND[found.kind];
    this.end('guest-memfd', reason, NO_ENTRY, (run) => `${text}${more(run)}`);
    if (found.kind === 'page') this.names(found.frame);
    return this.state;
  }

  /** Sets the run to the answer for pages of which it is not known whether they are private. */
  maybeInMemfd(): State {
    return this.end('guest-memfd', 'gmem-attribute-unreadable', NO_ENTRY, UNREADABLE);
  }
}

const TOO_HIGH: Explain = () => 'guest physical addresses must be below 2^52';
const NO_SLOT: Explain = () => 'no memslot of this address space holds it';
const UNREADABLE: Explain = () =>
  "it is not known whether the page is private and in the guest_memfd: its attributes can't be read";
const MEMFD = {
  all: ['gmem-only', 'all pages of this slot are in its guest_memfd, not at the host virtual address'],
  true: ['gmem-private', 'the page is private: it is in the guest_memfd, not at the host virtual address'],
} as const;
const FOUND: Readonly<Record<'page' | 'nothing' | 'swap', Explain>> = {
  page: (run) => `; the guest_memfd has it at ${run.place}`,
  nothing: () => '; the guest_memfd does not have it yet',
  // Pages of a guest_memfd can't be swapped out (virt/kvm/guest_memfd.c).
  swap: () => '',
};
