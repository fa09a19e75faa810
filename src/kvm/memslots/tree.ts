// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../../core/bytes.js';
import { DumpError } from '../../core/errors.js';
import { LazyBytes } from '../../core/lazy-bytes.js';
import { isUnreadable, type Memory, unreadableError } from '../../core/memory.js';
import { rbNodeFields } from '../../kernel/structs.js';
import { resolve } from '../../types/fields.js';
import { slotFields, treeMemslotsFields, treeSlotFields } from '../structs.js';
import { slotsById } from './by-id.js';
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
    const tree = new Tree(memory, at.node);
    const slots = new Map<bigint, Memslot>();
    const add = (address: bigint): void => {
      const bytes = memory.read(address, at.slot.bytes);
      if (isUnreadable(bytes)) tree.missing ??= unreadableError(bytes, address, 'struct kvm_memory_slot').message;
      else slots.set(address, inUse(readSlot(bytes, at.slot, address, TREE_USER_SLOTS, 0), bytes));
    };
    for (const node of tree.nodes(set.u64(at.set.root.offset))) add(node - toSlot);
    // What hangs below a node that is lost is found by its id.
    if (tree.missing !== null) for (const address of slotsById(memory, memslots, at, index)) add(address);
    return { slots: [...slots.values()], missing: tree.missing };
  },
};

/** KVM takes slots without pages out of the set: one that is in it was overwritten with zeros. */
function inUse(slot: Memslot, bytes: Bytes): Memslot {
  if (slot.pages > 0) return slot;
  throw bytes.error(0, `memslot ${slot.id} has no pages, but is in use: the dump is damaged there`);
}

interface RbFields {
  readonly parent: { readonly offset: number };
  readonly left: { readonly offset: number };
  readonly right: { readonly offset: number };
  readonly bytes: number;
}

/** A red-black tree of which some nodes may not be in the dump. */
class Tree {
  /** What the first of them is; null while all can be read. */
  missing: string | null = null;

  constructor(
    readonly memory: Memory,
    readonly at: RbFields,
  ) {}

  /** The nodes that can be read, in no special order; more than there can be slots, or one met twice, is a `DumpError`. */
  *nodes(root: bigint): Generator<bigint> {
    const seen = new Set<bigint>();
    const open = [{ node: root, parent: 0n }];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { node, parent } = next;
      if (node === 0n) continue;
      if (seen.has(node)) throw new DumpError(`memslot tree: the node at 0x${node.toString(16)} is met twice`);
      if (seen.size === TREE_SLOTS) throw new DumpError(`memslot tree: more than ${TREE_SLOTS} slots`);
      seen.add(node);
      const links = this.#links(node, parent);
      if (links === null) continue;
      open.push({ node: links.right, parent: node }, { node: links.left, parent: node });
      yield node;
    }
  }

  #links(node: bigint, parent: bigint): { left: bigint; right: bigint } | null {
    const { at } = this;
    const bytes = this.memory.read(node, at.bytes);
    if (isUnreadable(bytes)) {
      this.missing ??= unreadableError(bytes, node, 'node of the memslot tree').message;
      return null;
    }
    const up = bytes.u64(at.parent.offset) & ~3n;
    if (up !== parent)
      throw bytes.error(
        at.parent.offset,
        `memslot tree: a node below 0x${parent.toString(16)} names 0x${up.toString(16)} as its parent`,
      );
    return { left: bytes.u64(at.left.offset), right: bytes.u64(at.right.offset) };
  }
}
