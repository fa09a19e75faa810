// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import { type Memory, readOf } from '../../core/memory.js';
import { type Resolved, resolve } from '../../types/fields.js';
import type { TypeSource } from '../../types/source.js';
import { arrayMemslotsFields, inlineMemslotsFields, slotFields } from '../structs.js';
import type { SlotReader } from './reader.js';
import { type Memslot, readSlot } from './slot.js';

/** KVM_MEMORY_SLOTS + KVM_PRIVATE_MEM_SLOTS up to Linux 3.7: 32 and 4; later 3 are KVM's own, whatever their number. */
const OLDEST_SLOTS = 36;
const OLDEST_USER_SLOTS = 32;
const INTERNAL = 3;
/** KVM_MEM_SLOTS_NUM was SHRT_MAX at the most (Linux 5.12 to 5.16). */
const MOST_SLOTS = 32767;

/**
 * Slots in an array, up to Linux 5.16: inside struct kvm (2.6.32), behind a pointer and as many as ids (RHEL 6, 3.x), or
 * sorted with the number of those in use (RHEL 7, 4.x, 5.x), as a fixed array or at the end. All are read; whatever
 * order the kernel kept them in is not relied on.
 */
export const arraySlots: SlotReader = {
  recognise: (types) => types.member('kvm_memslots', 'memslots') !== null || isInline(types),
  read(memory, types, address) {
    const { slot } = resolve(types, { slot: slotFields });
    const { set } = isInline(types)
      ? resolve(types, { set: inlineMemslotsFields })
      : resolve(types, { set: arrayMemslotsFields });
    const ids = Math.max(set.ids?.count ?? 0, set.slots.count);
    const count = countOf(memory, address, set, ids);
    const array = address + BigInt(set.slots.offset);
    const userSlots = ids === OLDEST_SLOTS ? OLDEST_USER_SLOTS : ids - INTERNAL;
    const slots: Memslot[] = [];
    for (let i = 0; i < count; i++) {
      const at = array + BigInt(i * set.slots.element);
      const bytes = readOf(memory, at, slot.bytes, 'struct kvm_memory_slot');
      const found = readSlot(bytes, slot, at, userSlots, i);
      if (set.filled !== null && found.pages === 0)
        throw bytes.error(0, `memslot ${found.id} has no pages, but is in use: the dump is damaged there`);
      slots.push(found);
    }
    return { slots, missing: null };
  },
};

/** In 2.6.32 struct kvm holds the slots themselves. */
const isInline = (types: TypeSource): boolean => types.member('kvm', 'memslots')?.kind === 'struct';

type ArrayFields = Resolved<typeof arrayMemslotsFields>;

function countOf(memory: Memory, address: bigint, set: ArrayFields, ids: number): number {
  const { used, slots } = set;
  if (ids === 0 || ids > MOST_SLOTS || (used === null && slots.count === 0))
    throw new DumpError(`how many memslots there are is not known: struct kvm_memslots has room for ${ids}`);
  if (used === null) return slots.count;
  const bytes = readOf(memory, address + BigInt(used.offset), 4, 'struct kvm_memslots');
  const count = bytes.u32(0);
  if (count > ids) throw bytes.error(0, `${count} memslots in use; there can be ${ids}`);
  if (count === 0 && isErased(memory, address, set))
    throw bytes.error(0, 'struct kvm_memslots is a page of zeros: the dump is damaged there, or the page was left out');
  return count;
}

/** Without slots id_to_index is -1 everywhere, up to 5.6 the numbers from 0 on: never 0 twice. */
function isErased(memory: Memory, address: bigint, { ids }: ArrayFields): boolean {
  if (ids === null || ids.count < 2) return false;
  const last = address + BigInt(ids.offset + (ids.count - 2) * ids.element);
  return readOf(memory, last, 2 * ids.element, 'kvm_memslots.id_to_index')
    .array()
    .every((byte) => byte === 0);
}
