// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE } from '../core/address.js';
import { greatest, least } from '../core/bigints.js';
import { DumpError, type Lost, orLost, orNull } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import { type Resolved, resolve } from '../types/fields.js';
import { ifAnswered } from '../types/source.js';
import { mapleEntries, mapleEntry, type Stretch } from './containers/maple.js';
import { layoutOf, USUAL } from './containers/maple-nodes.js';
import { pointerAt } from './containers/pointer.js';
import { descend, rbNodes } from './containers/rbtree.js';
import type { Host } from './host.js';
import type { Mm } from './mm.js';
import { mapleVmasFields, mmCountFields, rbNodeFields, rbVmasFields, vmaFields, vmaNodeFields } from './structs.js';

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

/** VM_PFNMAP, VM_IO, VM_MIXEDMAP (include/linux/mm.h): mappings in which memory of a device can be. */
export const DEVICE_FLAGS = 0x400n | 0x4000n | 0x10000000n;

/** The last address plus one. */
const END = 1n << 64n;
const PAGE = BigInt(PAGE_SIZE);
/**
 * Most mappings of a process. The kernel's limit is the sysctl vm.max_map_count: 65530 by default, at most 2^31 - 1.
 * 2^24 mappings take 3 GiB of kernel memory.
 */
const MOST_VMAS = 2 ** 24;

/** All addresses. */
export const everywhere = (): Stretch => ({ first: 0n, last: END - 1n });

/**
 * The mapping that contains an address; null if there is none. Throws `DumpError` if it can't be read, or if the one in
 * the kernel's tree does not contain the address. `around` is narrowed to the addresses around this one with the same answer;
 * also if that is an error.
 */
export function findVma(host: Host, mm: Mm, address: bigint, around = everywhere()): Vma | null {
  // After exit an address space has no mappings; before 6.1 its tree still points to where they were.
  if (mm.users === 0) return null;
  const { vma: at } = resolve(host.types, { vma: vmaFields });
  const isMaple = isInMaple(host);
  const usual = isMaple ? orNull(() => findAsUsual(host, mm, address, at, around)) : null;
  if (usual !== null) return usual;
  const found = isMaple ? findInMaple(host, mm, address, around) : findInRbTree(host, mm, address, at, around);
  if (found === 0n) return null;
  const vma = readAt(host, found, at);
  if (address < vma.start) around.last = least(around.last, vma.start - 1n);
  else if (address >= vma.end) around.first = greatest(around.first, vma.end);
  else return vma;
  throw readOf(host.memory, found, at.bytes, 'vm_area_struct').error(
    0,
    `${textOf(vma)}, found for 0x${address.toString(16)}, does not contain it`,
  );
}

/**
 * The mappings that overlap the addresses `from` to `to` - 1, in ascending order; the first and the last may extend
 * beyond. Mappings must not overlap, and must have the addresses for which the kernel's tree has them. If one does not,
 * or can't be read, the others are yielded first, then the `DumpError` is thrown. Of two that overlap, neither is yielded:
 * the addresses of one are wrong. Damage of the tree itself ends the iteration.
 */
export function* vmas(host: Host, mm: Mm, from = 0n, to = END): Generator<Vma> {
  if (mm.users === 0 || from >= to) return;
  const missing: DumpError[] = [];
  let held: Vma | null = null;
  const lost = (why: DumpError): void => {
    // What follows the range is looked at only because it limits the end of the last mapping.
    const isAfter = held !== null && held.end >= to;
    if (!isAfter && missing.length === 0) missing.push(why);
  };
  let end = 0n;
  let found = 0;
  try {
    for (const vma of inOrder(host, mm, { from, to, lost })) {
      if (vma.start < (held?.end ?? end)) {
        missing.push(overlapError(host, vma, held?.end ?? end));
        held = null;
        continue;
      }
      if (held !== null && held.end > from) yield held;
      end = held?.end ?? end;
      held = vma;
      found++;
      if (vma.start >= to) break;
    }
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    lost(error);
  }
  if (held !== null && held.start < to && held.end > from) yield held;
  if (missing.length === 0 && from === 0n && to >= limitOf(host)) checkCount(host, mm, found);
  if (missing[0] !== undefined) throw missing[0];
}

/** Checks that all mappings were found. */
function checkCount({ memory, types }: Host, { address }: Mm, found: number): void {
  // Layout profiles that were written before it was read do not record it.
  const at = ifAnswered(() => resolve(types, { mm: mmCountFields }))?.mm.mappings ?? null;
  if (at === null) return;
  const bytes = readOf(memory, address + BigInt(at.offset), 4, 'mm_struct');
  if (bytes.u32(0) !== found) throw bytes.error(0, `map_count is ${bytes.u32(0)}, but ${found} mappings can be found`);
}

/** The mappings that can be read, in the order of the tree. After those of a range, more may follow. */
function* inOrder(host: Host, mm: Mm, range: Range): Generator<Vma> {
  const { vma: at } = resolve(host.types, { vma: vmaFields });
  for (const place of isInMaple(host) ? inMaple(host, mm, range) : inRbTree(host, mm, range, at)) {
    const vma = orLost(range.lost, () => vmaAt(host, place, at));
    if (vma !== null) yield vma;
  }
}

/** The end of a process's memory, which has the lower half of the canonical addresses. */
const limitOf = ({ memory }: Pick<Host, 'memory'>): bigint => 1n << BigInt(9 * memory.form.levels + 11);

const textOf = ({ start, end }: Vma): string => `the mapping 0x${start.toString(16)}-0x${end.toString(16)}`;

const overlapError = ({ memory }: Host, vma: Vma, end: bigint): DumpError =>
  readOf(memory, vma.address, 1, 'vm_area_struct').error(
    0,
    `${textOf(vma)} follows one that ends at 0x${end.toString(16)}`,
  );

/** A mapping in the kernel's tree: address of its vm_area_struct and, in a maple tree, its first and last address. */
interface Place {
  readonly address: bigint;
  readonly first?: bigint;
  readonly last?: bigint;
}

interface Range {
  readonly from: bigint;
  readonly to: bigint;
  readonly lost: Lost;
}

/** Reads the mapping at a place of the tree. Throws `DumpError` if it is impossible, or the tree has other addresses. */
function vmaAt(host: Host, { address, first, last }: Place, at: Resolved<typeof vmaFields>): Vma {
  const vma = readAt(host, address, at);
  if (vma.start === (first ?? vma.start) && vma.end - 1n === (last ?? vma.end - 1n)) return vma;
  throw readOf(host.memory, address, at.bytes, 'vm_area_struct').error(
    0,
    `${textOf(vma)} is stored for 0x${(first as bigint).toString(16)}`,
  );
}

/** Mappings are in a maple tree since Linux commit 524e00b36e8c ("mm: remove rb tree.") (in v6.1). */
const isInMaple = ({ types }: Host): boolean => types.member('mm_struct', 'mm_mt') !== null;

function mapleRoot({ memory, types }: Host, mm: Mm): bigint {
  const { mm: at } = resolve(types, { mm: mapleVmasFields });
  return pointerAt(memory, mm.address + BigInt(at.root.offset), 'mm_struct');
}

function findInMaple(host: Host, mm: Mm, address: bigint, around: Stretch): bigint {
  return mapleEntry(host.memory, () => layoutOf(host.types), mapleRoot(host, mm), address, around);
}

/**
 * The mapping that contains an address, without the types of maple nodes; null if it is not found that way. It is proven by its own first
 * and last address, which must be those for which the tree has it.
 */
function findAsUsual(host: Host, mm: Mm, address: bigint, at: Resolved<typeof vmaFields>, around: Stretch): Vma | null {
  const own = everywhere();
  const found = mapleEntry(host.memory, () => USUAL, mapleRoot(host, mm), address, own);
  const vma = found === 0n ? null : readAt(host, found, at);
  if (vma?.start !== own.first || vma.end - 1n !== own.last) return null;
  [around.first, around.last] = [greatest(around.first, own.first), least(around.last, own.last)];
  return vma;
}

function* inMaple(host: Host, mm: Mm, { from, to, lost }: Range): Generator<Place> {
  let found = 0;
  for (const { entry, ...place } of mapleEntries(host.memory, host.types, mapleRoot(host, mm), from, to - 1n, lost)) {
    if (found++ === MOST_VMAS) throw new DumpError(`tree of mappings: more than ${MOST_VMAS} mappings`);
    yield { address: entry, ...place };
  }
}

/** The red-black tree in which mappings were before (mm/mmap.c, find_vma). */
function rbTreeOf({ memory, types }: Host, mm: Mm) {
  const { tree, node, link } = resolve(types, { tree: rbVmasFields, node: rbNodeFields, link: vmaNodeFields });
  const root = pointerAt(memory, mm.address + BigInt(tree.root.offset), 'mm_struct');
  return { root, node, toVma: BigInt(link.node.offset) };
}

function* inRbTree(host: Host, mm: Mm, { from, lost }: Range, at: Resolved<typeof vmaFields>): Generator<Place> {
  const { root, node, toVma } = rbTreeOf(host, mm);
  // A mapping that can't be read, or is invalid, does not show on which side the range begins: both sides are searched.
  const isBefore = (link: bigint): boolean => {
    const vma = orNull(() => readAt(host, link - toVma, at));
    return vma !== null && vma.end <= from;
  };
  const walk = { what: 'tree of mappings', member: 'mapping', most: MOST_VMAS, isBefore, lost };
  for (const link of rbNodes(host.memory, node, root, walk)) yield { address: link - toVma };
}

function findInRbTree(host: Host, mm: Mm, address: bigint, at: Resolved<typeof vmaFields>, around: Stretch): bigint {
  const { root, node, toVma } = rbTreeOf(host, mm);
  const found = descend(host.memory, node, root, (link) => {
    const { start, end } = readAt(host, link - toVma, at);
    if (address < start) {
      around.last = least(around.last, start - 1n);
      return 'left';
    }
    if (address < end) return 'here';
    around.first = greatest(around.first, end);
    return 'right';
  });
  return found === null ? 0n : found - toVma;
}

/** The mapping with its vm_area_struct at an address. Throws `DumpError` if it has addresses that a mapping can't have. */
export const readVma = (host: Host, address: bigint): Vma =>
  readAt(host, address, resolve(host.types, { vma: vmaFields }).vma);

function readAt({ memory }: Host, address: bigint, at: Resolved<typeof vmaFields>): Vma {
  const bytes = readOf(memory, address, at.bytes, 'vm_area_struct');
  const vma = {
    address,
    start: bytes.u64(at.start.offset),
    end: bytes.u64(at.end.offset),
    flags: bytes.u64(at.flags.offset),
    pgoff: bytes.u64(at.pgoff.offset),
    file: bytes.u64(at.file.offset),
  };
  const { start, end } = vma;
  if (start < end && end <= limitOf({ memory }) && (start | end) % PAGE === 0n) return vma;
  throw bytes.error(at.start.offset, `${textOf(vma)} is impossible`);
}
