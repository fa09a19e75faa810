// SPDX-License-Identifier: Apache-2.0
import { type Memory, readOf } from '../../core/memory.js';
import { type Resolved, resolve } from '../../types/fields.js';
import { ifAnswered, type TypeSource } from '../../types/source.js';
import { radixAboveFields, radixHeightFields, radixNodeFields, xaAboveFields, xaNodeFields } from '../structs.js';

/** Internal entries above this are nodes. */
const NODES = 4096n;
/** Internal entries of an XArray below this are siblings. */
const SIBLINGS = 256n;

/** Format of the nodes and entries of an XArray, or of a radix tree, its predecessor. */
export interface XaNodeFields {
  /** Offset and number of a node's slots. */
  readonly slots: { readonly offset: number; readonly count: number };
  /** Number of bits of an index that select a slot of a node. */
  readonly bits: number;
  /** Lowest of the bits of an index that select a slot of the node at an address. The value is not checked. */
  shiftOf(memory: Memory, node: bigint): number;
  /** Address of the node that an entry points to, or null. `shift`: of the node with the entry; null for the root. */
  nodeOf(entry: bigint, shift: number | null): bigint | null;
  /** For a sibling entry, one of several slots of the same entry, the slot with the entry; null for any other entry. */
  siblingOf(entry: bigint, node: bigint): number | null;
  /** Whether an entry was stored by a user of the array: not a node, sibling, retry or zero entry, and not 0. */
  isStored(entry: bigint): boolean;
  /** The members of a node for its parent and its slot there; null for members that the types do not have. */
  above(): Resolved<typeof xaAboveFields> | null;
}

/** The format that a kernel uses, recognised by its types. */
export function xaNodes(types: TypeSource): XaNodeFields {
  if (types.sizeOf('xa_node') !== null || types.sizeOf('radix_tree_node') === null) return xarray(types);
  return types.member('radix_tree_node', 'shift') === null ? earlyRadixTree(types) : radixTree(types);
}

/**
 * The format in kernels with 64 bits, 4.20 to 7.3, with nodes of 64 slots, which all have but the smallest (CONFIG_BASE_SMALL). The type that
 * describes them is far from the start of the BTF of many kernels. What is found with it must be proven, since another kernel can have another one.
 */
export const usualXaNodes = (): XaNodeFields =>
  xarrayOf({ shift: { offset: 0 }, slots: { offset: 40, count: 64 } }, () => null);

function xarray(types: TypeSource): XaNodeFields {
  const { node } = resolve(types, { node: xaNodeFields });
  return xarrayOf(node, () => ifAnswered(() => resolve(types, { above: xaAboveFields }).above));
}

/** Where a node has its shift and its slots. */
interface NodeLayout {
  readonly shift: { readonly offset: number };
  readonly slots: XaNodeFields['slots'];
}

/** lib/xarray.c, since 4.20: internal entries end in binary 10. */
function xarrayOf(node: NodeLayout, above: XaNodeFields['above']): XaNodeFields {
  const isInternal = (entry: bigint): boolean => (entry & 3n) === 2n;
  return {
    ...common(node.slots),
    shiftOf: (memory, address) => byteAt(memory, address, node.shift.offset),
    nodeOf: (entry) => (isInternal(entry) && entry > NODES ? entry - 2n : null),
    siblingOf: (entry) => (isInternal(entry) && entry < SIBLINGS ? Number(entry >> 2n) : null),
    isStored: (entry) => entry !== 0n && !isInternal(entry),
    above,
  };
}

/** lib/radix-tree.c of 4.7 to 4.19: internal entries end in 01; siblings point to a slot of their own node. */
function radixTree(types: TypeSource): XaNodeFields {
  const { node } = resolve(types, { node: radixNodeFields });
  const isInternal = (entry: bigint): boolean => (entry & 3n) === 1n;
  return {
    ...common(node.slots),
    shiftOf: (memory, address) => byteAt(memory, address, node.shift.offset),
    nodeOf: (entry) => (isInternal(entry) && entry > NODES ? entry - 1n : null),
    siblingOf: (entry, address) => (isInternal(entry) ? slotAt(entry - 1n - address, node.slots) : null),
    isStored: (entry) => entry !== 0n && !isInternal(entry),
    above: () => ifAnswered(() => resolve(types, { above: radixAboveFields }).above),
  };
}

/**
 * lib/radix-tree.c up to 4.6: nodes count levels from the bottom. Bit 0 (RADIX_TREE_INDIRECT_PTR) marks a root that is
 * a node, and in 4.6 each node; before, pointers to nodes below the root are unmarked. 4.6 allows an entry at several
 * indices, but the kernel did not use that; such an entry would be taken for a node, without a node's height.
 */
function earlyRadixTree(types: TypeSource): XaNodeFields {
  const { node } = resolve(types, { node: radixHeightFields });
  const { bits, slots } = common(node.slots);
  /** RADIX_TREE_HEIGHT_MASK. The bits of `path` above it are the node's slot in its parent. */
  const mask = 2 ** (Math.ceil(64 / bits) + 1) - 1;
  const isMarked = (entry: bigint): boolean => (entry & 1n) === 1n;
  return {
    bits,
    slots,
    shiftOf: (memory, address) => {
      const height = readOf(memory, address + BigInt(node.height.offset), 4, 'radix tree node').u32(0) & mask;
      return (height - 1) * bits;
    },
    nodeOf: (entry, shift) => {
      if (entry < NODES || shift === 0) return null;
      // Exceptional entries have bit 1 set.
      return isMarked(entry) || (shift !== null && (entry & 3n) === 0n) ? entry & ~1n : null;
    },
    siblingOf: () => null,
    isStored: (entry) => entry !== 0n && !isMarked(entry),
    above: () => ifAnswered(() => resolve(types, { above: radixAboveFields }).above),
  };
}

const common = ({ offset, count }: XaNodeFields['slots']): Pick<XaNodeFields, 'slots' | 'bits'> => ({
  slots: { offset, count },
  bits: Math.log2(count),
});

const byteAt = (memory: Memory, node: bigint, offset: number): number =>
  readOf(memory, node + BigInt(offset), 1, 'XArray node').u8(0);

/** The slot at a distance, in bytes, from the start of a node; null if there is none. */
function slotAt(distance: bigint, { offset, count }: XaNodeFields['slots']): number | null {
  const slot = (Number(distance) - offset) / 8;
  return Number.isInteger(slot) && slot >= 0 && slot < count ? slot : null;
}
