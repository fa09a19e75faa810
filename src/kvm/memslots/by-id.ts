// SPDX-License-Identifier: Apache-2.0
import { isUnreadable, type Memory } from '../../core/memory.js';
import type { Resolved } from '../../types/fields.js';
import type { treeMemslotsFields, treeSlotFields } from '../structs.js';
import { TREE_SLOTS } from './slot.js';

/** struct hlist_head: the first node. */
const HEAD_BYTES = 8;
/** struct hlist_node: the next node, and the address of the pointer that leads here (include/linux/types.h). */
const NODE_BYTES = 16;
const BACK = 8n;

interface At {
  readonly set: Resolved<typeof treeMemslotsFields>;
  readonly links: Resolved<typeof treeSlotFields>;
}

/**
 * Addresses of the slots of a set by its hash table of ids (kvm_memslots.id_hash, DECLARE_HASHTABLE of 7 bits), which has
 * the same slots as the tree in 128 short chains: one that is lost hides only those behind it in its own. A chain ends
 * where it can't be read or does not point back. `index`: which links of the slots the set uses.
 */
export function* slotsById(memory: Memory, set: bigint, at: At, index: number): Generator<bigint> {
  const { ids } = at.set;
  const { idNode } = at.links;
  if (ids?.element !== HEAD_BYTES || idNode?.element !== NODE_BYTES) return;
  const toSlot = BigInt(idNode.offset + index * idNode.element);
  let left = TREE_SLOTS;
  for (let bucket = 0; bucket < ids.count; bucket++) {
    let from = set + BigInt(ids.offset + bucket * ids.element);
    let node = pointer(memory, from);
    for (; node !== 0n && left > 0; left--) {
      const back = pointer(memory, node + BACK);
      if (back !== from) break;
      yield node - toSlot;
      from = node;
      node = pointer(memory, node);
    }
  }
}

/** 0 where it can't be read. */
function pointer(memory: Memory, address: bigint): bigint {
  const bytes = memory.read(address, 8);
  return isUnreadable(bytes) ? 0n : bytes.u64(0);
}
