// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import type { Memory } from '../../core/memory.js';
import { hlistNodes } from '../../kernel/containers/hlist.js';
import type { Resolved } from '../../types/fields.js';
import type { treeMemslotsFields, treeSlotFields } from '../structs.js';
import { TREE_IDS } from './slot.js';

/** struct hlist_head: the first node. */
const HEAD_BYTES = 8;
/** struct hlist_node: the next node, and the address of the pointer to this node. */
const NODE_BYTES = 16;

interface At {
  readonly set: Resolved<typeof treeMemslotsFields>;
  readonly links: Resolved<typeof treeSlotFields>;
}

/**
 * Addresses of the slots of a set, from its hash table of ids (kvm_memslots.id_hash, DECLARE_HASHTABLE of 7 bits). It has
 * the same slots as the tree in 128 short chains, so a lost slot hides only those after it in its chain. A chain ends
 * where it can't be read or where a node does not point back. `index`: which links of the slots the set uses.
 */
export function* slotsById(memory: Memory, set: bigint, at: At, index: number): Generator<bigint> {
  const { ids } = at.set;
  const { idNode } = at.links;
  if (ids?.element !== HEAD_BYTES || idNode?.element !== NODE_BYTES) return;
  const toSlot = BigInt(idNode.offset + index * idNode.element);
  let left = TREE_IDS.all;
  for (let bucket = 0; bucket < ids.count; bucket++) {
    const head = set + BigInt(ids.offset + bucket * ids.element);
    for (const node of untilDamage(hlistNodes(memory, head, left, 'id_hash', { checkBack: true }))) {
      left--;
      yield node - toSlot;
    }
  }
}

function* untilDamage(nodes: Generator<bigint>): Generator<bigint> {
  try {
    yield* nodes;
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
  }
}
