// SPDX-License-Identifier: Apache-2.0
import type { Memory } from '../../core/memory.js';
import type { TypeSource } from '../../types/source.js';
import type { Memslot } from './slot.js';

/** Slots, and why there may be others: null when these are all. */
export interface ReadSlots {
  readonly slots: readonly Memslot[];
  readonly missing: string | null;
}

/** One era's way to keep memslots. */
export interface SlotReader {
  /** By what the types have, never by a version. */
  recognise(types: TypeSource): boolean;
  /** The slots of the struct kvm_memslots (struct kvm, where it holds them itself) at this address, in any order. */
  read(memory: Memory, types: TypeSource, address: bigint): ReadSlots;
}
