// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../../core/bytes.js';
import { DumpError, orNull } from '../../core/errors.js';
import { LazyBytes } from '../../core/lazy-bytes.js';
import { type Memory, readOf } from '../../core/memory.js';
import { type Resolved, resolve } from '../../types/fields.js';
import type { TypeSource } from '../../types/source.js';
import { arrayMemslotsFields, inlineMemslotsFields, slotFields } from '../structs.js';
import { checkOrder } from './order.js';
import type { SlotReader } from './reader.js';
import { type Memslot, readSlot } from './slot.js';

/** KVM_MEMORY_SLOTS + KVM_PRIVATE_MEM_SLOTS up to Linux 3.7: 32 and 4. Later 3 slots are KVM's own, of any total. */
const OLDEST_SLOTS = 36;
const OLDEST_USER_SLOTS = 32;
const INTERNAL = 3;
/** KVM_MEM_SLOTS_NUM was at most SHRT_MAX (Linux 5.12 to 5.16). */
const MOST_SLOTS = 32767;

/**
 * Slots in an array, up to Linux 5.16. The array is inside struct kvm (2.6.32); or struct kvm points to an array with
 * one slot for each id (RHEL 6, 3.x), or to a sorted array with a count of the slots in use (RHEL 7, 4.x, 5.x), of
 * fixed size or flexible. All slots are read. If there is a count, they must be in descending order of their guest frames
 * (virt/kvm/kvm_main.c, update_memslots of 4.0); before that they were sorted by size, which is not checked.
 */
export const arraySlots: SlotReader = {
  recognise: (types) => types.member('kvm_memslots', 'memslots') !== null || isInline(types),
  read(memory, types, address) {
    const { slot } = resolve(types, { slot: slotFields });
    const { set } = isInline(types)
      ? resolve(types, { set: inlineMemslotsFields })
      : resolve(types, { set: arrayMemslotsFields });
    const all = Math.max(set.ids?.count ?? 0, set.slots.count);
    const ids = { all, user: all === OLDEST_SLOTS ? OLDEST_USER_SLOTS : all - INTERNAL };
    const count = countOf(memory, address, set, all);
    const array = address + BigInt(set.slots.offset);
    const places = placesOf(memory, address, set);
    const slots: Memslot[] = [];
    for (let i = 0; i < count; i++) {
      const at = array + BigInt(i * set.slots.element);
      const bytes = readOf(memory, at, slot.bytes, 'struct kvm_memory_slot');
      const found = inMemory(readSlot(bytes, slot, at, ids, i), bytes);
      if (set.filled !== null && found.pages === 0)
        throw bytes.error(0, `memslot ${found.id} has no pages, but is in use: the dump is damaged there`);
      const place = slot.id === null ? null : (places?.(found.id) ?? null);
      if (place !== null && place !== i)
        throw bytes.error(
          0,
          `memslot ${found.id} is at index ${i}, but id_to_index has ${place}: the dump is damaged there`,
        );
      const before = slots.at(-1);
      if (set.filled !== null && before !== undefined) checkOrder(found, before);
      slots.push(found);
    }
    return { slots, missing: slots.some(({ pages }) => pages > 0) || places !== null ? null : NONE };
  },
};

/**
 * Nothing can be mapped at address 0 (sysctl vm.mmap_min_addr), so there were zeros in the slot's place; unless its pages
 * are in a guest_memfd. Slots in trees have their address a second time.
 */
function inMemory(slot: Memslot, bytes: Bytes): Memslot {
  if (slot.pages === 0 || slot.hva !== 0n || slot.memfd !== 'none') return slot;
  throw bytes.error(0, `userspace_addr of memslot ${slot.id} can't be 0: the dump is damaged there`);
}

/** Without id_to_index a VM without slots can't be distinguished from a page of zeros. */
const NONE = 'there are no slots, but a page of zeros would look the same';

/** In 2.6.32 the slots are inside struct kvm. */
const isInline = (types: TypeSource): boolean => types.member('kvm', 'memslots')?.kind === 'struct';

type ArrayFields = Resolved<typeof arrayMemslotsFields>;

function countOf(memory: Memory, address: bigint, { used, slots }: ArrayFields, ids: number): number {
  if (ids === 0 || ids > MOST_SLOTS || (used === null && slots.count === 0))
    throw new DumpError(`the number of memslots is not known: struct kvm_memslots has room for ${ids}`);
  if (used === null) return slots.count;
  const bytes = readOf(memory, address + BigInt(used.offset), 4, 'struct kvm_memslots');
  const count = bytes.u32(0);
  if (count > ids) throw bytes.error(0, `there can't be ${count} memslots in use: at most ${ids} are possible`);
  return count;
}

/**
 * The index of each id in the array according to id_to_index; null if the kernel does not have it or it can't be read.
 * Each slot is at the index of its id (virt/kvm/kvm_main.c, sort_memslots and update_memslots). The index of an id
 * without a slot is -1, and up to 5.6 one above those in use. So 0 can't occur twice, unless the page was overwritten.
 */
function placesOf(memory: Memory, address: bigint, { ids }: ArrayFields): ((id: number) => number | null) | null {
  if (ids === null || ids.count < 2 || (ids.element !== 2 && ids.element !== 4)) return null;
  const bytes = LazyBytes.of(memory, address + BigInt(ids.offset), ids.size, 'kvm_memslots.id_to_index');
  const of = (id: number) => orNull(() => (ids.element === 2 ? bytes.u16(id * 2) : bytes.u32(id * 4)));
  const last = ids.count - 1;
  if (of(last) === null) return null;
  if (of(last) === 0 && of(last - 1) === 0)
    throw bytes.error(0, 'only zeros: the dump is damaged there, or lacks the page');
  return (id) => (id < ids.count ? of(id) : -1);
}
