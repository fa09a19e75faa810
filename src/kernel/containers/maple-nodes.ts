// SPDX-License-Identifier: Apache-2.0
// lib/maple_tree.c: nodes are 256 bytes, and aligned to as many. A pointer to one holds its type in bits 3 to 6
// (mt_mk_node), and in ma_root bit 1 (mte_mk_root). The last index of a slot is its pivot; that of the last slot in use
// is the node's own, which the level above knows.
import type { Bytes } from '../../core/bytes.js';
import { type Resolved, resolve } from '../../types/fields.js';
import type { TypeSource } from '../../types/source.js';
import { mapleArangeFields, mapleNodeFields, mapleRangeFields } from '../structs.js';

/** enum maple_type (include/linux/maple_tree.h): leaves come first. Dense nodes, 0, are in no tree that is read. */
const LEAF_64 = 1;
const ARANGE_64 = 3;
/** MAPLE_RESERVED_RANGE: values below it that end in binary 10 are no entries (XA_ZERO_ENTRY of a failed fork). */
const RESERVED = 4096n;
const NODE_MASK = 0xffn;

type Level = Resolved<typeof mapleArangeFields> | Resolved<typeof mapleRangeFields>;

/** The structures of a kernel's maple nodes. */
export interface MapleLayout {
  readonly node: Resolved<typeof mapleNodeFields>;
  readonly range: Resolved<typeof mapleRangeFields>;
  readonly arange: Resolved<typeof mapleArangeFields>;
}

/** A node that was read. `end` is the last slot in use. */
export interface MapleNode {
  readonly address: bigint;
  readonly bytes: Bytes;
  readonly level: Level;
  readonly end: number;
  readonly isLeaf: boolean;
}

export const layoutOf = (types: TypeSource): MapleLayout =>
  resolve(types, { node: mapleNodeFields, range: mapleRangeFields, arange: mapleArangeFields });

/** Whether a value of ma_root is a pointer to a node. */
export const isNode = (root: bigint): boolean => (root & 3n) === 2n && root > RESERVED;

/** Address of the node that a pointer leads to. */
export const addressOf = (pointer: bigint): bigint => pointer & ~NODE_MASK;

/** What a value in a leaf or a root stands for: 0 for nothing. */
export const kept = (value: bigint): bigint => ((value & 3n) === 2n && value < RESERVED ? 0n : value);

/** The last index of a slot that is not the last one in use. */
export const pivot = ({ bytes, level }: MapleNode, slot: number): bigint => bytes.u64(level.pivot.offset + slot * 8);

export const inSlot = ({ bytes, level }: MapleNode, slot: number): bigint => bytes.u64(level.slot.offset + slot * 8);

/** The pointer to a child. Throws `DumpError` for a slot that has none: inner nodes have no gaps. */
export function child(node: MapleNode, slot: number): bigint {
  const pointer = inSlot(node, slot);
  if (pointer >= RESERVED) return pointer;
  throw node.bytes.error(node.level.slot.offset + slot * 8, 'a maple node without its child');
}

/** The node that a pointer leads to, by its bytes; `max` is its last index. Throws `DumpError` for one that can't be. */
export function nodeOf(at: MapleLayout, pointer: bigint, bytes: Bytes, max: bigint): MapleNode {
  const type = Number((pointer >> 3n) & 0xfn);
  if (type < LEAF_64 || type > ARANGE_64) throw bytes.error(0, `a maple node of type ${type}`);
  const level = type === ARANGE_64 ? at.arange : at.range;
  const end = type === ARANGE_64 ? bytes.u8(level.end.offset) : rangeEnd(bytes, level, max);
  if (end >= level.slot.count) throw bytes.error(0, `a maple node whose last slot is ${end}`);
  return { address: addressOf(pointer), bytes, level, end, isLeaf: type === LEAF_64 };
}

/** The last slot in use (ma_data_end): a node whose last pivot is in use has no room to tell it. */
function rangeEnd(bytes: Bytes, level: Level, max: bigint): number {
  const last = level.pivot.count - 1;
  const value = bytes.u64(level.pivot.offset + last * 8);
  if (value === 0n) return bytes.u8(level.end.offset);
  return value === max ? last : last + 1;
}
