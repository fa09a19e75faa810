// SPDX-License-Identifier: Apache-2.0
import { readOf } from '../core/memory.js';
import { type Resolved, resolve } from '../types/fields.js';
import { pointerAt } from './containers/list.js';
import { mapleEntry } from './containers/maple.js';
import { descend } from './containers/rbtree.js';
import type { Host } from './host.js';
import type { Mm } from './mm.js';
import { mapleVmasFields, rbNodeFields, rbVmasFields, vmaFields, vmaNodeFields } from './structs.js';

/** A mapping of a process: `start` to `end` - 1. */
export interface Vma {
  readonly address: bigint;
  readonly start: bigint;
  readonly end: bigint;
  /** VM_* bits. */
  readonly flags: bigint;
  /** Page offset in the file. */
  readonly pgoff: bigint;
  /** struct file, 0 for anonymous memory. */
  readonly file: bigint;
}

/** The mapping that holds an address; null when there is none. */
export function findVma(host: Host, mm: Mm, address: bigint): Vma | null {
  // An address space that is gone has no mappings; before 6.1 its tree still leads to where they had been.
  if (mm.users === 0) return null;
  const { vma: at } = resolve(host.types, { vma: vmaFields });
  const inMaple = host.types.member('mm_struct', 'mm_mt') !== null;
  const found = inMaple ? findInMaple(host, mm, address) : findInRbTree(host, mm, address, at);
  if (found === 0n) return null;
  const vma = readVma(host, found, at);
  if (address >= vma.start && address < vma.end) return vma;
  throw readOf(host.memory, found, at.bytes, 'vm_area_struct').error(
    0,
    `a mapping of 0x${vma.start.toString(16)}-0x${vma.end.toString(16)} found for 0x${address.toString(16)}`,
  );
}

/** Since Linux commit 524e00b36e8c ("mm: remove rb tree.") (in v6.1) mappings are kept in a maple tree. */
function findInMaple({ memory, types }: Host, mm: Mm, address: bigint): bigint {
  const { mm: at } = resolve(types, { mm: mapleVmasFields });
  return mapleEntry(memory, types, pointerAt(memory, mm.address + BigInt(at.root.offset), 'mm_struct'), address);
}

/** Before, in a red-black tree (mm/mmap.c, find_vma). */
function findInRbTree(host: Host, mm: Mm, address: bigint, at: Resolved<typeof vmaFields>): bigint {
  const { tree, node, link } = resolve(host.types, { tree: rbVmasFields, node: rbNodeFields, link: vmaNodeFields });
  const root = pointerAt(host.memory, mm.address + BigInt(tree.root.offset), 'mm_struct');
  const toVma = BigInt(link.node.offset);
  const found = descend(host.memory, node, root, (link) => {
    const { start, end } = readVma(host, link - toVma, at);
    return address < start ? 'left' : address >= end ? 'right' : 'here';
  });
  return found === null ? 0n : found - toVma;
}

function readVma({ memory }: Host, address: bigint, at: Resolved<typeof vmaFields>): Vma {
  const bytes = readOf(memory, address, at.bytes, 'vm_area_struct');
  return {
    address,
    start: bytes.u64(at.start.offset),
    end: bytes.u64(at.end.offset),
    flags: bytes.u64(at.flags.offset),
    pgoff: bytes.u64(at.pgoff.offset),
    file: bytes.u64(at.file.offset),
  };
}
