// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../../core/bytes.js';
import { DumpError } from '../../core/errors.js';
import { type Memory, readOf } from '../../core/memory.js';
import { type Resolved, resolve } from '../../types/fields.js';
import type { TypeSource } from '../../types/source.js';
import { mapleArangeFields, mapleNodeFields, mapleRangeFields } from '../structs.js';

/** enum maple_type (include/linux/maple_tree.h): leaves come first. */
const LEAF_64 = 1;
const ARANGE_64 = 3;
/** 16 slots a node: 64-bit indices need 16 levels at the most. */
const DEEPEST = 16;
const TOP = (1n << 64n) - 1n;

type Level = Resolved<typeof mapleArangeFields> | Resolved<typeof mapleRangeFields>;

/** What a maple tree keeps for an index, 0 for nothing (lib/maple_tree.c, mtree_range_walk). `root` is ma_root. */
export function mapleEntry(memory: Memory, types: TypeSource, root: bigint, index: bigint): bigint {
  if (!isNode(root)) return index === 0n ? root : 0n;
  const at = resolve(types, { node: mapleNodeFields, range: mapleRangeFields, arange: mapleArangeFields });
  let entry = root;
  let max = TOP;
  for (let depth = 0; depth < DEEPEST; depth++) {
    // Nodes are 256-byte aligned; the low byte holds type and marks.
    const address = entry & ~0xffn;
    const type = Number((entry >> 3n) & 0xfn);
    const node = readOf(memory, address, at.node.bytes, 'maple node');
    if (type < LEAF_64 || type > ARANGE_64) throw node.error(0, `a maple node of type ${type}`);
    const level = type === ARANGE_64 ? at.arange : at.range;
    const end = type === ARANGE_64 ? node.u8(level.end.offset) : rangeEnd(node, level, max);
    const slot = slotFor(node, level, index, end);
    if (slot < end) max = node.u64(level.pivot.offset + slot * 8);
    entry = node.u64(level.slot.offset + slot * 8);
    // In a leaf, values below 4096 that end in 10 are reserved (XA_ZERO_ENTRY of a failed fork).
    if (type <= LEAF_64) return (entry & 3n) === 2n ? 0n : entry;
    if (entry < 4096n) throw node.error(level.slot.offset + slot * 8, 'a maple node without its child');
  }
  throw new DumpError(`maple tree: deeper than ${DEEPEST} levels`);
}

const isNode = (entry: bigint): boolean => (entry & 3n) === 2n && entry > 4096n;

function slotFor(node: Bytes, level: Level, index: bigint, end: number): number {
  if (end >= level.slot.count) throw node.error(0, `a maple node whose last slot is ${end}`);
  let slot = 0;
  while (slot < end && node.u64(level.pivot.offset + slot * 8) < index) slot++;
  return slot;
}

/** The last slot in use (ma_data_end): a node whose last pivot is in use has no room to tell it. */
function rangeEnd(node: Bytes, level: Level, max: bigint): number {
  const last = level.pivot.count - 1;
  const pivot = node.u64(level.pivot.offset + last * 8);
  if (pivot === 0n) return node.u8(level.end.offset);
  return pivot === max ? last : last + 1;
}
