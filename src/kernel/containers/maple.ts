// SPDX-License-Identifier: Apache-2.0
import { greatest, least } from '../../core/bigints.js';
import type { Bytes } from '../../core/bytes.js';
import { DumpError } from '../../core/errors.js';
import { isUnreadable, type Memory, readOf, unreadableError } from '../../core/memory.js';
import { resolve } from '../../types/fields.js';
import { ifAnswered, type TypeSource } from '../../types/source.js';
import { mapleParentFields } from '../structs.js';
import {
  addressOf,
  child,
  inSlot,
  isNode,
  kept,
  layoutOf,
  type MapleLayout,
  type MapleNode,
  nodeOf,
  pivot,
} from './maple-nodes.js';

/** Most levels: nodes have 16 slots, and indices 64 bits. */
const DEEPEST = 16;
const TOP = (1n << 64n) - 1n;
/** In the parent of a root node, which is the address of the tree with this bit set (MA_ROOT_PARENT). */
const ROOT = 1n;
/** In the parent of other nodes: the address of the node above, its slot in bits 3 to 7, and this (mas_set_parent). */
const PARENT_RANGE64 = 6n;
const PARENT_MARKS = 7n;
const parentOf = (above: bigint, slot: number): bigint => above | (BigInt(slot) << 3n) | PARENT_RANGE64;
const slotOf = (parent: bigint): number => Number((parent & 0xffn) >> 3n);

/** An entry of a maple tree, and the indices that it is stored at: `first` to `last`, both inclusive. */
export interface MapleEntry {
  readonly first: bigint;
  readonly last: bigint;
  readonly entry: bigint;
}

/** Indices `first` to `last`, both inclusive. */
export interface Stretch {
  first: bigint;
  last: bigint;
}

/**
 * The entry of a maple tree at an index; 0 if there is none (lib/maple_tree.c, mtree_range_walk). `root`: ma_root. `around` is
 * narrowed to the indices around this one with the same answer; also if that is an error.
 */
export function mapleEntry(
  memory: Memory,
  layout: () => MapleLayout,
  root: bigint,
  index: bigint,
  around: Stretch = { first: 0n, last: TOP },
): bigint {
  if (!isNode(root)) {
    if (index === 0n) around.last = 0n;
    else around.first = greatest(around.first, 1n);
    return index === 0n ? kept(root) : 0n;
  }
  const at = layout();
  let entry = root;
  let max = TOP;
  for (let depth = 0; depth < DEEPEST; depth++) {
    const bytes = readOf(memory, addressOf(entry), at.node.bytes, 'maple node');
    const node = nodeOf(at, entry, bytes, max);
    let slot = 0;
    for (; slot < node.end && pivot(node, slot) < index; slot++)
      around.first = greatest(around.first, pivot(node, slot) + 1n);
    if (slot < node.end) max = pivot(node, slot);
    around.last = least(around.last, max);
    if (node.isLeaf) return kept(inSlot(node, slot));
    entry = child(node, slot);
  }
  throw tooDeep();
}

/**
 * The entries of a maple tree at the indices `from` to `to`, both inclusive, in ascending order; the first and the last
 * may extend beyond. `root` is ma_root. The parent of each node must be the node above, and its pivots must ascend
 * within the range that the node above has for it; otherwise throws `DumpError`. A node that can't be read also throws,
 * unless there is `lost`, which is then called; the rest of the tree is still walked.
 */
export function* mapleEntries(
  memory: Memory,
  types: TypeSource,
  root: bigint,
  from = 0n,
  to = TOP,
  lost?: (why: DumpError) => void,
): Generator<MapleEntry> {
  if (from > to) return;
  if (isNode(root)) yield* new Walk(memory, types, { from, to, lost }).below(root, { first: 0n, last: TOP }, null);
  else if (kept(root) !== 0n && from === 0n) yield { first: 0n, last: 0n, entry: root };
}

interface Wish {
  readonly from: bigint;
  readonly to: bigint;
  readonly lost: ((why: DumpError) => void) | undefined;
}

/** The node and slot that the pointer to a node is in, and its depth below the root. */
interface Above {
  readonly node: MapleNode;
  readonly slot: number;
  readonly depth: number;
}

/** Walks a tree. As pivots ascend within the range of their node, no node is visited twice. */
class Walk {
  readonly #memory: Memory;
  readonly #at: MapleLayout;
  /** Offset of maple_node.parent; null if the types do not have it. */
  readonly #parent: number | null;
  readonly #wish: Wish;

  constructor(memory: Memory, types: TypeSource, wish: Wish) {
    this.#memory = memory;
    this.#at = layoutOf(types);
    this.#parent = ifAnswered(() => resolve(types, { up: mapleParentFields }).up.parent?.offset ?? null);
    this.#wish = wish;
  }

  *below(pointer: bigint, range: { first: bigint; last: bigint }, above: Above | null): Generator<MapleEntry> {
    const { from, to } = this.#wish;
    const depth = above === null ? 0 : above.depth + 1;
    if (depth === DEEPEST) throw tooDeep();
    const node = this.#node(pointer, range.last, above);
    if (node === null) return;
    let { first } = range;
    for (let slot = 0; slot <= node.end && first <= to; slot++) {
      const last = slot < node.end ? pivot(node, slot) : range.last;
      if (slot < node.end && (last < first || last >= range.last))
        throw node.bytes.error(node.level.pivot.offset + slot * 8, 'the pivots of a maple node do not ascend');
      if (last >= from) {
        if (!node.isLeaf) yield* this.below(child(node, slot), { first, last }, { node, slot, depth });
        else {
          const entry = kept(inSlot(node, slot));
          if (entry !== 0n) yield { first, last, entry };
        }
      }
      first = last + 1n;
    }
  }

  /** Reads a node; null if it can't be read and `lost` is given. */
  #node(pointer: bigint, max: bigint, above: Above | null): MapleNode | null {
    const bytes = this.#memory.read(addressOf(pointer), this.#at.node.bytes);
    if (isUnreadable(bytes)) {
      const error = unreadableError(bytes, addressOf(pointer), 'maple node');
      if (this.#wish.lost === undefined) throw error;
      this.#wish.lost(error);
      return null;
    }
    if (this.#parent !== null) this.#checkParent(addressOf(pointer), bytes, bytes.u64(this.#parent), above);
    return nodeOf(this.#at, pointer, bytes, max);
  }

  #checkParent(address: bigint, bytes: Bytes, parent: bigint, above: Above | null): void {
    if (above === null && (parent & ROOT) !== 0n) return;
    if (above !== null && parent === parentOf(above.node.address, above.slot)) return;
    if (above !== null && this.#isBeingReplaced(address, parent, above.node)) return;
    const place = above === null ? 'at the root' : `in slot ${above.slot} of 0x${above.node.address.toString(16)}`;
    throw bytes.error(this.#parent ?? 0, `the maple node ${place} names 0x${parent.toString(16)} as its parent`);
  }

  /**
   * Whether the node above was just being replaced. The new node has the same children, whose parent is still the old
   * node for a moment; the old node still points to them (mas_put_in_tree, then mas_adopt_children).
   */
  #isBeingReplaced(address: bigint, parent: bigint, { address: above, level }: MapleNode): boolean {
    const slot = slotOf(parent);
    if ((parent & PARENT_MARKS) !== PARENT_RANGE64 || slot >= level.slot.count) return false;
    if (addressOf(parent) === above) return false;
    const bytes = this.#memory.read(addressOf(parent) + BigInt(level.slot.offset + slot * 8), 8);
    return !isUnreadable(bytes) && addressOf(bytes.u64(0)) === address;
  }
}

const tooDeep = (): DumpError => new DumpError(`maple tree: deeper than ${DEEPEST} levels`);
