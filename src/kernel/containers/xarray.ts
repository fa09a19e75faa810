// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import { type Memory, readOf } from '../../core/memory.js';
import { type Resolved, resolve } from '../../types/fields.js';
import type { TypeSource } from '../../types/source.js';
import { radixNodeFields, xaNodeFields } from '../structs.js';

/** Nodes of an XArray, or of the radix tree that was there before it; `tag`: the low bits of an entry that is a node. */
export interface XaNodeFields extends Resolved<typeof xaNodeFields> {
  readonly tag: bigint;
}

/** lib/xarray.c: internal entries end in binary 10. lib/radix-tree.c of 4.11 to 4.19: in 01. */
export function xaNodes(types: TypeSource): XaNodeFields {
  if (types.sizeOf('xa_node') !== null || types.sizeOf('radix_tree_node') === null)
    return { ...resolve(types, { node: xaNodeFields }).node, tag: 2n };
  return { ...resolve(types, { node: radixNodeFields }).node, tag: 1n };
}

/** Internal entries above 4096 are nodes, below 256 siblings of another slot. */
const isInternal = ({ tag }: XaNodeFields, entry: bigint): boolean => (entry & 3n) === tag;
const isNode = (at: XaNodeFields, entry: bigint): boolean => isInternal(at, entry) && entry > 4096n;
const isSibling = (at: XaNodeFields, entry: bigint): boolean => isInternal(at, entry) && entry < 256n;

/**
 * The entry at an index of an XArray, 0 when there is none; `head` is the value of xa_head. Retry and zero entries
 * count as none. Each node's shift must be one slot width below its parent's, so the walk ends.
 */
export function xarrayEntry(memory: Memory, at: XaNodeFields, head: bigint, index: bigint): bigint {
  if (!isNode(at, head)) return index === 0n && !isInternal(at, head) ? head : 0n;
  const bits = Math.log2(at.slots.count);
  let entry = head;
  let shift: number | null = null;
  while (isNode(at, entry)) {
    const address = entry - at.tag;
    const found = readOf(memory, address + BigInt(at.shift.offset), 1, 'XArray node').u8(0);
    if (shift === null && (found > 60 || found % bits !== 0)) throw badNode(address, found);
    if (shift === null && index >> BigInt(found + bits) !== 0n) return 0n;
    if (shift !== null && found !== shift - bits) throw badNode(address, found);
    shift = found;
    entry = slot(memory, at, address, Number((index >> BigInt(shift)) & BigInt(at.slots.count - 1)));
    if (isSibling(at, entry)) entry = slot(memory, at, address, Number(entry >> 2n));
  }
  return isInternal(at, entry) ? 0n : entry;
}

function slot(memory: Memory, at: XaNodeFields, node: bigint, index: number): bigint {
  if (index >= at.slots.count) throw new DumpError(`XArray node at 0x${node.toString(16)}: a sibling of slot ${index}`);
  return readOf(memory, node + BigInt(at.slots.offset + index * 8), 8, 'XArray slot').u64(0);
}

const badNode = (address: bigint, shift: number): DumpError =>
  new DumpError(`XArray node at 0x${address.toString(16)}: a shift of ${shift}`);
