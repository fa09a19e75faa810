// SPDX-License-Identifier: Apache-2.0
import type { Reason, State } from '../core/outcome.js';
import type { Memslot } from '../kvm/memslots/slot.js';
import type { WalkStep } from '../spaces/page-lookup.js';
import type { SwapPlace } from '../spaces/space.js';

export type { WalkStep } from '../spaces/page-lookup.js';

/** The answer for a guest physical address. A `GuestTranslator` is the answer for the last address it translated. */
export interface Answer {
  readonly state: State;
  readonly reason: Reason | null;
  /** The reason as a text for people; null if `mapped`. */
  readonly message: string | null;
  readonly slot: Memslot | null;
  /** Page number and offset of the HVA; `page` is null without a slot. */
  readonly page: number | null;
  readonly offset: number;
  /** The frame that contains the address; of a page that is not mapped, the one in a cache of the kernel or in its entry, if any. */
  readonly frame: number | null;
  /** Bytes that the leaf entry maps; null unless `mapped`. */
  readonly pageSize: number | null;
  readonly protNone: boolean;
  /** The entries that were read, from the top table down. */
  readonly steps: readonly WalkStep[];
  readonly swap: SwapPlace | null;
}
