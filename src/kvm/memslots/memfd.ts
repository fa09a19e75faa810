// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import { readOf } from '../../core/memory.js';
import type { Host } from '../../kernel/host.js';
import { resolve } from '../../types/fields.js';
import { slotMemfdFields } from '../structs.js';
import type { Memslot } from './slot.js';

/** The guest_memfd of a slot. */
export interface SlotMemfd {
  /** Address of its struct file; 0 if it was closed: kvm_gmem_release takes it out of its slots. */
  readonly file: bigint;
  /** Page in it of the slot's first page. */
  readonly first: number;
}

/** The guest_memfd of a slot that has one. Throws `DumpError` if it can't be read, or if the types do not describe it. */
export function memfdOf({ memory, types }: Host, { address }: Memslot): SlotMemfd {
  const { file, pgoff, bytes } = resolve(types, { slot: slotMemfdFields }).slot;
  if (file === null || pgoff === null)
    throw new DumpError(`type information (${types.source}) does not say where a memslot has its guest_memfd`, {
      code: 'no-types',
    });
  const slot = readOf(memory, address, bytes, 'kvm_memory_slot');
  return { file: slot.u64(file.offset), first: Number(slot.u64(pgoff.offset)) };
}
