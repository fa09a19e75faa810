// SPDX-License-Identifier: Apache-2.0
// lib/maple_tree.c: nodes have 256 bytes and are aligned to 256. A pointer to a node has the node's type in bits 3 to 6
// (mt_mk_node), and bit 1 set if it is in ma_root (mte_mk_root). The last index of a slot is its pivot; that of the
// last slot in use is the last index of the node, which is known from the level above.
import type { Bytes } from '../../core/bytes.js';
import { resolve } from '../../types/fields.js';
import type { Member, TypeSource } from '../../types/source.js';
import { mapleArangeFields, mapleNodeFields, mapleRangeFields } from '../structs.js';

/** enum maple_type (include/linux/maple_tree.h). Dense nodes, 0, do not occur in the trees that are read. */
const LEAF_64 = 1;
const ARANGE_64 = 3;
/** MAPLE_RESERVED_RANGE: values below it that end in binary 10 are not entries (XA_ZERO_ENTRY of a failed fork). */
const RESERVED = 4096n;
const NODE_MASK = 0xffn;

/** Where nodes of a kind have their arrays, and the last slot in use. */
interface Level {
  readonly pivot: Pick<Member, 'offset' | 'count'>;
  readonly slot: Pick<Member, 'offset' | 'count'>;
  readonly end: Pick<Member, 'offset'>;
}

/** Layout of a kernel's maple nodes. */
export interface MapleLayout {
  readonly node: { readonly bytes: number };
  readonly range: Level;
  readonly arange: Level;
}

/**
 * The layout in kernels with 64 bits, 6.1 to 7.3 (include/linux/maple_tree.h). The types that describe it are far from the start of the BTF
 * of many kernels. Another kernel can have another one, so what is found with it must be proven.
 */
export const USUAL: MapleLayout = {
  node: { bytes: 256 },
  range: { pivot: { offset: 8, count: 15 }, slot: { offset: 128, count: 16 }, end: { offset: 248 } },
  arange: { pivot: { offset: 8, count: 9 }, slot: { offset: 80, count: 10 }, end: { offset: 240 } },
};

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

/** Address of the node that a pointer points to. */
export const addressOf = (pointer: bigint): bigint => pointer & ~NODE_MASK;

/** The entry in a slot of a leaf, or in a root; 0 if there is none. */
export const kept = (value: bigint): bigint => ((value & 3n) === 2n && value < RESERVED ? 0n : value);

/** The last index of a slot, which must not be the last slot in use. */
export const pivot = ({ bytes, level }: MapleNode, slot: number): bigint => bytes.u64(level.pivot.offset + slot * 8);

export const inSlot = ({ bytes, level }: MapleNode, slot: number): bigint => bytes.u64(level.slot.offset + slot * 8);

/** The pointer to a child. Throws `DumpError` if the slot is empty: inner nodes have no gaps. */
export function child(node: MapleNode, slot: number): bigint {
  const pointer = inSlot(node, slot);
  if (pointer >= RESERVED) return pointer;
  throw node.bytes.error(node.level.slot.offset + slot * 8, 'a maple node lacks a child');
}

/** The node that a pointer points to, from its bytes; `max` is its last index. Throws `DumpError` if it is invalid. */
export function nodeOf(at: MapleLayout, pointer: bigint, bytes: Bytes, max: bigint): MapleNode {
  const type = Number((pointer >> 3n) & 0xfn);
  if (type < LEAF_64 || type > ARANGE_64) throw bytes.error(0, `a maple node can't be of type ${type}`);
  const level = type === ARANGE_64 ? at.arange : at.range;
  const end = type === ARANGE_64 ? bytes.u8(level.end.offset) : rangeEnd(bytes, level, max);
  if (end >= level.slot.count) throw bytes.error(0, `the last slot of a maple node can't be ${end}`);
  return { address: addressOf(pointer), bytes, level, end, isLeaf: type === LEAF_64 };
}

/** The last slot in use (ma_data_end). A node whose last pivot is in use has no room to store it. */
function rangeEnd(bytes: Bytes, level: Level, max: bigint): number {
  const last = level.pivot.count - 1;
  const value = bytes.u64(level.pivot.offset + last * 8);
  if (value === 0n) return bytes.u8(level.end.offset);
  return value === max ? last : last + 1;
}
