// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../../core/bytes.js';
import type { DumpError } from '../../core/errors.js';
import { LazyBytes } from '../../core/lazy-bytes.js';
import { isUnreadable, unreadableError } from '../../core/memory.js';
import { rbNodes } from '../../kernel/containers/rbtree.js';
import { rbNodeFields } from '../../kernel/structs.js';
import { resolve } from '../../types/fields.js';
import { slotFields, treeMemslotsFields, treeSlotFields } from '../structs.js';
import { slotsById } from './by-id.js';
import type { SlotReader } from './reader.js';
import { type Memslot, readSlot, TREE_SLOTS, TREE_USER_SLOTS } from './slot.js';

/** Slots in a red-black tree ordered by guest frame (Linux 5.17 and later). */
export const treeSlots: SlotReader = {
  recognise: (types) => types.member('kvm_memslots', 'gfn_tree') !== null,
  read(memory, types, memslots) {
    const at = resolve(types, { set: treeMemslotsFields, links: treeSlotFields, slot: slotFields, node: rbNodeFields });
    const set = LazyBytes.of(memory, memslots, at.set.bytes, 'struct kvm_memslots');
    const index = set.u32(at.set.index.offset);
    if (index >= at.links.node.count) throw set.error(at.set.index.offset, `node_idx can't be ${index}`);
    const toSlot = BigInt(at.links.node.offset + index * at.links.node.element);
    const missing: string[] = [];
    const lost = ({ message }: DumpError): void => void missing.push(message);
    const slots = new Map<bigint, Memslot>();
    const add = (address: bigint): void => {
      const bytes = memory.read(address, at.slot.bytes);
      if (isUnreadable(bytes)) lost(unreadableError(bytes, address, 'struct kvm_memory_slot'));
      else slots.set(address, inUse(readSlot(bytes, at.slot, address, TREE_USER_SLOTS, 0), bytes));
    };
    const walk = { what: 'memslot tree', member: 'slot', most: TREE_SLOTS, lost };
    for (const node of rbNodes(memory, at.node, set.u64(at.set.root.offset), walk)) add(node - toSlot);
    // Slots below a lost node of the tree are found in the hash table of ids.
    if (missing.length > 0) for (const address of slotsById(memory, memslots, at, index)) add(address);
    return { slots: [...slots.values()], missing: missing[0] ?? null };
  },
};

/** KVM removes slots without pages from the set, so one in the set was overwritten with zeros. */
function inUse(slot: Memslot, bytes: Bytes): Memslot {
  if (slot.pages > 0) return slot;
  throw bytes.error(0, `memslot ${slot.id} has no pages, but is in use: the dump is damaged there`);
}
