// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { type Memory, readOf } from '../core/memory.js';
import type { Resolved } from '../types/fields.js';
import type { xaNodeFields } from './structs.js';

export type XaNodeFields = Resolved<typeof xaNodeFields>;

/** lib/xarray.c: internal entries end in binary 10; above 4096 they are nodes, below 256 siblings of another slot. */
const isInternal = (entry: bigint): boolean => (entry & 3n) === 2n;
const isNode = (entry: bigint): boolean => isInternal(entry) && entry > 4096n;
const isSibling = (entry: bigint): boolean => isInternal(entry) && entry < 256n;

/**
 * The entry at an index of an XArray, 0 when there is none; `head` is the value of xa_head. Retry and zero entries
 * count as none. Each node's shift must be one slot width below its parent's, so the walk ends.
 */
export function xarrayEntry(memory: Memory, at: XaNodeFields, head: bigint, index: bigint): bigint {
  if (!isNode(head)) return index === 0n && !isInternal(head) ? head : 0n;
  const bits = Math.log2(at.slots.count);
  let entry = head;
  let shift: number | null = null;
  while (isNode(entry)) {
    const address = entry - 2n;
    const found = readOf(memory, address + BigInt(at.shift.offset), 1, 'XArray node').u8(0);
    if (shift === null && (found > 60 || found % bits !== 0)) throw badNode(address, found);
    if (shift === null && index >> BigInt(found + bits) !== 0n) return 0n;
    if (shift !== null && found !== shift - bits) throw badNode(address, found);
    shift = found;
    entry = slot(memory, at, address, Number((index >> BigInt(shift)) & BigInt(at.slots.count - 1)));
    if (isSibling(entry)) entry = slot(memory, at, address, Number(entry >> 2n));
  }
  return isInternal(entry) ? 0n : entry;
}

function slot(memory: Memory, at: XaNodeFields, node: bigint, index: number): bigint {
  if (index >= at.slots.count) throw new DumpError(`XArray node at 0x${node.toString(16)}: a sibling of slot ${index}`);
  return readOf(memory, node + BigInt(at.slots.offset + index * 8), 8, 'XArray slot').u64(0);
}

const badNode = (address: bigint, shift: number): DumpError =>
  new DumpError(`XArray node at 0x${address.toString(16)}: a shift of ${shift}`);
