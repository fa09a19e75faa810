// SPDX-License-Identifier: Apache-2.0
import type { Reason, State } from '../core/outcome.js';
import type { Memslot } from '../kvm/memslots/slot.js';
import type { WalkStep } from '../spaces/page-lookup.js';
import type { SwapPlace } from '../spaces/space.js';

export type { WalkStep } from '../spaces/page-lookup.js';

/** What became of a guest physical address. A `GuestTranslator` is one, until it is asked for the next. */
export interface Answer {
  readonly state: State;
  readonly reason: Reason | null;
  /** For people; null for `mapped`. */
  readonly message: string | null;
  readonly slot: Memslot | null;
  /** Page number and offset of the HVA; page is null where there is no slot. */
  readonly page: number | null;
  readonly offset: number;
  /** The frame that holds the address if `mapped`; else the one its entry names, if any. */
  readonly frame: number | null;
  /** Bytes that the leaf maps; null unless `mapped`. */
  readonly pageSize: number | null;
  readonly protNone: boolean;
  /** Entries read, from the top table down. */
  readonly steps: readonly WalkStep[];
  readonly swap: SwapPlace | null;
}
