// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import type { Memory } from '../../core/memory.js';
import type { TypeSource } from '../../types/source.js';
import { arraySlots } from './array.js';
import type { Memslot } from './slot.js';
import { treeSlots } from './tree.js';

/** One era's way to keep memslots. */
export interface SlotReader {
  /** By what the types have, never by a version. */
  recognise(types: TypeSource): boolean;
  /** The slots of the struct kvm_memslots (struct kvm, where it holds them itself) at this address, in any order. */
  read(memory: Memory, types: TypeSource, address: bigint): Memslot[];
}

const readers: readonly SlotReader[] = [treeSlots, arraySlots];

/** The reader for this kernel's form of memslots. */
export function slotReader(types: TypeSource): SlotReader {
  const reader = readers.find((known) => known.recognise(types));
  if (reader === undefined)
    throw new DumpError(`struct kvm_memslots has a form that is not known (types: ${types.source})`);
  return reader;
}
