// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import { LazyBytes } from '../../core/lazy-bytes.js';
import { type Memory, readOf } from '../../core/memory.js';
import { rbNodeFields } from '../../kernel/structs.js';
import { resolve } from '../../types/fields.js';
import { slotFields, treeMemslotsFields, treeSlotFields } from '../structs.js';
import type { SlotReader } from './reader.js';
import { type Memslot, readSlot, TREE_SLOTS, TREE_USER_SLOTS } from './slot.js';

/** Slots in a red-black tree by guest frame (Linux 5.17 and later). */
export const treeSlots: SlotReader = {
  recognise: (types) => types.member('kvm_memslots', 'gfn_tree') !== null,
  read(memory, types, memslots) {
    const at = resolve(types, { set: treeMemslotsFields, links: treeSlotFields, slot: slotFields, node: rbNodeFields });
    const set = LazyBytes.of(memory, memslots, at.set.bytes, 'struct kvm_memslots');
    const index = set.u32(at.set.index.offset);
    if (index >= at.links.node.count) throw set.error(at.set.index.offset, `node_idx is ${index}`);
    const toSlot = BigInt(at.links.node.offset + index * at.links.node.element);
    const slots: Memslot[] = [];
    for (const node of rbNodes(memory, set.u64(at.set.root.offset), at.node)) {
      const address = node - toSlot;
      slots.push(
        readSlot(
          readOf(memory, address, at.slot.bytes, 'struct kvm_memory_slot'),
          at.slot,
          address,
          TREE_USER_SLOTS,
          0,
        ),
      );
    }
    return slots;
  },
};

interface RbFields {
  readonly left: { readonly offset: number };
  readonly right: { readonly offset: number };
  readonly bytes: number;
}

/** The nodes of a red-black tree, in no special order; more of them than there can be slots is a `DumpError`. */
function* rbNodes(memory: Memory, root: bigint, at: RbFields): Generator<bigint> {
  const seen = new Set<bigint>();
  const open = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node === 0n) continue;
    if (seen.has(node)) throw new DumpError(`memslot tree: the node at 0x${node.toString(16)} is met twice`);
    if (seen.size === TREE_SLOTS) throw new DumpError(`memslot tree: more than ${TREE_SLOTS} slots`);
    seen.add(node);
    const links = readOf(memory, node, at.bytes, 'node of the memslot tree');
    open.push(links.u64(at.right.offset), links.u64(at.left.offset));
    yield node;
  }
}
