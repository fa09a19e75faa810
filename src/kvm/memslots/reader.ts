// SPDX-License-Identifier: Apache-2.0
import type { Memory } from '../../core/memory.js';
import type { TypeSource } from '../../types/source.js';
import type { Memslot } from './slot.js';

/** Slots that were read. `missing`: the reason why others may be missing; null if none is. */
export interface ReadSlots {
  readonly slots: readonly Memslot[];
  readonly missing: string | null;
}

/** Reads memslots in the form that some range of kernels uses. */
export interface SlotReader {
  /** Whether the types have this form. Versions are not compared. */
  recognise(types: TypeSource): boolean;
  /** The slots of the struct kvm_memslots at an address (of struct kvm, if they are inside it), in any order. */
  read(memory: Memory, types: TypeSource, address: bigint): ReadSlots;
}
