// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../../core/bytes.js';
import type { DumpError } from '../../core/errors.js';
import { LazyBytes } from '../../core/lazy-bytes.js';
import { isUnreadable, unreadableError } from '../../core/memory.js';
import { rbNodes } from '../../kernel/containers/rbtree.js';
import { rbNodeFields } from '../../kernel/structs.js';
import { type Resolved, resolve, resolveIfPresent } from '../../types/fields.js';
import type { TypeSource } from '../../types/source.js';
import { intervalFields, slotFields, treeMemslotsFields, treeSlotFields } from '../structs.js';
import { slotsById } from './by-id.js';
import { Ascending } from './order.js';
import type { SlotReader } from './reader.js';
import { type Memslot, readSlot, TREE_IDS } from './slot.js';

/** Slots in a red-black tree ordered by guest frame (Linux 5.17 and later). */
export const treeSlots: SlotReader = {
  recognise: (types) => types.member('kvm_memslots', 'gfn_tree') !== null,
  read(memory, types, memslots) {
    const at = resolve(types, { set: treeMemslotsFields, links: treeSlotFields, slot: slotFields, node: rbNodeFields });
    const set = LazyBytes.of(memory, memslots, at.set.bytes, 'struct kvm_memslots');
    const index = set.u32(at.set.index.offset);
    if (index >= at.links.node.count) throw set.error(at.set.index.offset, `node_idx can't be ${index}`);
    const toSlot = BigInt(at.links.node.offset + index * at.links.node.element);
    const check = addressCheck(types, at.links, index);
    const missing: string[] = [];
    const slots = new Map<bigint, Memslot>();
    const order = new Ascending();
    const lost = ({ message }: DumpError): void => {
      missing.push(message);
      order.lost();
    };
    /** Reads a slot; null if it can't be read. */
    const read = (address: bigint): Memslot | null => {
      const bytes = memory.read(address, at.slot.bytes);
      if (isUnreadable(bytes)) {
        lost(unreadableError(bytes, address, 'struct kvm_memory_slot'));
        return null;
      }
      const slot = inUse(readSlot(bytes, at.slot, address, TREE_IDS, 0), bytes);
      check(slot, bytes);
      return slot;
    };
    const walk = { what: 'memslot tree', member: 'slot', most: TREE_IDS.all, lost };
    for (const node of rbNodes(memory, at.node, set.u64(at.set.root.offset), walk)) {
      const slot = read(node - toSlot);
      if (slot === null) continue;
      order.next(slot);
      slots.set(slot.address, slot);
    }
    order.end();
    // Slots below a lost node of the tree are found in the hash table of ids.
    if (missing.length > 0)
      for (const address of slotsById(memory, memslots, at, index)) {
        const slot = slots.has(address) ? null : read(address);
        if (slot === null) continue;
        order.inGap(slot);
        slots.set(address, slot);
      }
    return { slots: [...slots.values()], missing: missing[0] ?? null };
  },
};

/** KVM removes slots without pages from the set, so one in the set was overwritten with zeros. */
function inUse(slot: Memslot, bytes: Bytes): Memslot {
  if (slot.pages > 0) return slot;
  throw bytes.error(0, `memslot ${slot.id} has no pages, but is in use: the dump is damaged there`);
}

/**
 * A check of a slot's addresses in the process against its node in the tree of these addresses, which has them too
 * (virt/kvm/kvm_main.c, kvm_replace_memslot). `index`: which links of the slots the set uses.
 */
function addressCheck(
  types: TypeSource,
  { hvaNode }: Resolved<typeof treeSlotFields>,
  index: number,
): (slot: Memslot, bytes: Bytes) => void {
  const at = resolveIfPresent(types, intervalFields);
  if (hvaNode === null || at === null) return () => undefined;
  const node = hvaNode.offset + index * hvaNode.element;
  return ({ id, hva, pages }, bytes) => {
    const [start, last] = [bytes.u64(node + at.start.offset), bytes.u64(node + at.last.offset)];
    if (start === hva && last === hva + BigInt(pages) * 4096n - 1n) return;
    throw bytes.error(
      0,
      `memslot ${id} has 0x${pages.toString(16)} pages at 0x${hva.toString(16)}, but hva_node has 0x${start.toString(16)} to 0x${last.toString(16)}: the dump is damaged there`,
    );
  };
}
