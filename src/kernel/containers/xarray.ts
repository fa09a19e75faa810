// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../../core/errors.js';
import { LazyBytes } from '../../core/lazy-bytes.js';
import { type Memory, readOf } from '../../core/memory.js';
import type { XaNodeFields } from './xarray-nodes.js';

export { usualXaNodes, type XaNodeFields, xaNodes } from './xarray-nodes.js';

const TOP = (1n << 64n) - 1n;
/** Highest shift of a node, as indices have 64 bits. */
const HIGHEST_SHIFT = 60;
/** Most nodes: those of 2^32 adjacent entries. A damaged array, in which nodes have no parent, could lead to more. */
const MOST_NODES = 2 ** 26;

/**
 * The entry at an index of an XArray; 0 if there is none, or a retry or zero entry. `head` is the value of xa_head. The
 * shift of each node must be one slot width below that of its parent, so the walk ends. Throws `DumpError` otherwise.
 */
export function xarrayEntry(memory: Memory, at: XaNodeFields, head: bigint, index: bigint): bigint {
  let node = at.nodeOf(head, null);
  if (node === null) return index === 0n && at.isStored(head) ? head : 0n;
  let shift = topShift(memory, at, node);
  if (index >> BigInt(shift + at.bits) !== 0n) return 0n;
  for (;;) {
    const slot = Number((index >> BigInt(shift)) & BigInt(at.slots.count - 1));
    let entry = entryAt(memory, at, node, slot);
    const sibling = at.siblingOf(entry, node);
    if (sibling !== null && sibling >= at.slots.count) throw badSibling(node, sibling);
    if (sibling !== null) entry = entryAt(memory, at, node, sibling);
    const child = at.nodeOf(entry, shift);
    if (child === null) return at.isStored(entry) ? entry : 0n;
    // Nodes have no siblings.
    if (sibling !== null) throw badSibling(node, sibling);
    [node, shift] = [child, shiftBelow(memory, at, child, shift)];
  }
}

/** An entry of an XArray, and the indices that it is stored at: `index` to `last`, both inclusive, 2^order of them. */
export interface XaEntry {
  readonly index: bigint;
  readonly last: bigint;
  /** Null if the number of indices is not a power of 2: the entry was just being stored. */
  readonly order: number | null;
  readonly entry: bigint;
}

/** Called for the indices `first` to `last`, both inclusive, whose entries can't be read; `why` is the reason. */
export type LostIndices = (first: bigint, last: bigint, why: DumpError) => void;

/**
 * The entries of an XArray at the indices `from` to `to`, both inclusive, in ascending order. An entry at several
 * indices is yielded once; the first and the last may extend beyond the range. `head` is the value of xa_head. Retry
 * and zero entries are left out; value entries are not decoded. The parent and slot in each node must be those through
 * which it was reached, as far as the types have them. Otherwise, or if a node can't be read, throws `DumpError`,
 * unless there is `lost`: it is called before the entries of higher indices are yielded, also with indices beyond the
 * range.
 */
export function* xarrayEntries(
  memory: Memory,
  at: XaNodeFields,
  head: bigint,
  from = 0n,
  to = TOP,
  lost?: LostIndices,
): Generator<XaEntry> {
  if (from > to) return;
  const root = at.nodeOf(head, null);
  if (root !== null) yield* new Walk(memory, at, { from, to, lost }).all(root);
  else if (at.isStored(head) && from === 0n) yield { index: 0n, last: 0n, order: 0, entry: head };
}

interface Wish {
  readonly from: bigint;
  readonly to: bigint;
  readonly lost: LostIndices | undefined;
}

/** A node, the lowest of the index bits that select its slots, and its first index. */
interface Node {
  readonly address: bigint;
  readonly shift: number;
  readonly base: bigint;
}

/** Contents of a slot: an entry and the number of its slots, or a node below; null if it is empty. */
type InSlot = { readonly entry: bigint; readonly slots: number } | { readonly child: Node } | null;

class Walk {
  readonly #memory: Memory;
  readonly #at: XaNodeFields;
  readonly #wish: Wish;
  readonly #above: ReturnType<XaNodeFields['above']>;
  #nodes = 0;

  constructor(memory: Memory, at: XaNodeFields, wish: Wish) {
    this.#memory = memory;
    this.#at = at;
    this.#wish = wish;
    this.#above = at.above();
  }

  *all(root: bigint): Generator<XaEntry> {
    const shift = this.#orLost(0n, TOP, () => topShift(this.#memory, this.#at, root));
    if (shift !== undefined) yield* this.#within({ address: root, shift, base: 0n });
  }

  /** The entries below a node. */
  *#within(node: Node): Generator<XaEntry> {
    if (this.#nodes++ === MOST_NODES) throw new DumpError(`XArray: more than ${MOST_NODES} nodes`);
    const { from, to } = this.#wish;
    const { address, shift, base } = node;
    const { slots } = this.#at;
    const width = BigInt(shift);
    const lowest = from > base ? Number((from - base) >> width) : 0;
    const highest = to < base ? -1 : Math.min(slots.count - 1, Number((to - base) >> width));
    if (lowest > highest) return;
    const bytes = LazyBytes.of(
      this.#memory,
      address + BigInt(slots.offset),
      slots.count * 8,
      'slots of an XArray node',
    );
    const firstOf = (slot: number): bigint => base + (BigInt(slot) << width);
    const read = <T>(slot: number, work: () => T): T | undefined =>
      this.#orLost(firstOf(slot), firstOf(slot + 1) - 1n, work);
    for (let slot = this.#start(bytes, address, lowest); slot <= highest; slot++) {
      const found = read(slot, () => this.#slot(bytes, node, slot));
      if (found === null || found === undefined) continue;
      if ('child' in found) yield* this.#within(found.child);
      else {
        const order = found.slots === 1 ? 0 : Math.log2(found.slots);
        yield {
          index: firstOf(slot),
          last: firstOf(slot + found.slots) - 1n,
          order: Number.isInteger(order) ? shift + order : null,
          entry: found.entry,
        };
        slot += found.slots - 1;
      }
    }
  }

  #slot(bytes: LazyBytes, { address, shift, base }: Node, slot: number): InSlot {
    const entry = bytes.u64(slot * 8);
    if (entry === 0n) return null;
    const sibling = this.#at.siblingOf(entry, address);
    if (sibling !== null) {
      this.#checkLeftOver(bytes, address, shift, slot, sibling);
      return null;
    }
    const child = this.#at.nodeOf(entry, shift);
    if (child === null)
      return this.#at.isStored(entry) ? { entry, slots: 1 + this.#siblings(bytes, address, slot) } : null;
    const below = shiftBelow(this.#memory, this.#at, child, shift);
    this.#checkPlace(child, address, slot);
    return { child: { address: child, shift: below, base: base + (BigInt(slot) << BigInt(shift)) } };
  }

  /** Returns what `work` returns. If it throws `DumpError` and there is `lost`, calls that and returns undefined. */
  #orLost<T>(first: bigint, last: bigint, work: () => T): T | undefined {
    const { lost } = this.#wish;
    if (lost === undefined) return work();
    try {
      return work();
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      lost(first, last, error);
      return undefined;
    }
  }

  /** The first slot of the entry that a slot belongs to; the slot itself if that can't be read and there is `lost`. */
  #start(bytes: LazyBytes, node: bigint, slot: number): number {
    const first = (): number => {
      const sibling = this.#at.siblingOf(bytes.u64(slot * 8), node);
      if (sibling === null || sibling >= slot || !this.#at.isStored(bytes.u64(sibling * 8))) return slot;
      return sibling + this.#siblings(bytes, node, sibling) >= slot ? sibling : slot;
    };
    return this.#wish.lost === undefined ? first() : (orNull(first) ?? slot);
  }

  /** Number of the slots after a slot that are its siblings. */
  #siblings(bytes: LazyBytes, node: bigint, slot: number): number {
    const { count } = this.#at.slots;
    let next = slot + 1;
    while (next < count && this.#at.siblingOf(bytes.u64(next * 8), node) === slot) next++;
    return next - slot - 1;
  }

  /** Siblings are skipped with their entry. Another one may be a leftover of an entry that was just being removed. */
  #checkLeftOver(bytes: LazyBytes, node: bigint, shift: number, slot: number, sibling: number): void {
    if (sibling >= this.#at.slots.count) throw badSibling(node, sibling);
    const entry = bytes.u64(sibling * 8);
    if (this.#at.nodeOf(entry, shift) !== null) throw badSibling(node, sibling);
    if (this.#at.isStored(entry))
      throw new DumpError(
        `XArray node at 0x${node.toString(16)}: slot ${slot} does not follow slot ${sibling}, its sibling`,
      );
  }

  #checkPlace(node: bigint, above: bigint, slot: number): void {
    const { parent = null, offset = null } = this.#above ?? {};
    const number = (member: { offset: number; size: number }): bigint =>
      readOf(this.#memory, node + BigInt(member.offset), member.size, 'XArray node').unsigned(0, member.size);
    const hangsOn = parent === null ? above : number(parent);
    const hangsIn = offset === null ? BigInt(slot) : number(offset);
    if (hangsOn === above && hangsIn === BigInt(slot)) return;
    throw new DumpError(
      `XArray node at 0x${node.toString(16)}: it is in slot ${slot} of 0x${above.toString(16)}, but names slot ${hangsIn.toString()} of 0x${hangsOn.toString(16)}`,
    );
  }
}

function topShift(memory: Memory, at: XaNodeFields, node: bigint): number {
  const shift = at.shiftOf(memory, node);
  if (shift < 0 || shift > HIGHEST_SHIFT || shift % at.bits !== 0) throw badNode(node, shift);
  return shift;
}

/** The shift of a node whose parent has the shift `above`. Throws `DumpError` if it is not one slot width below. */
function shiftBelow(memory: Memory, at: XaNodeFields, node: bigint, above: number): number {
  const shift = at.shiftOf(memory, node);
  if (shift < 0 || shift !== above - at.bits) throw badNode(node, shift);
  return shift;
}

function entryAt(memory: Memory, { slots }: XaNodeFields, node: bigint, slot: number): bigint {
  return readOf(memory, node + BigInt(slots.offset + slot * 8), 8, 'XArray slot').u64(0);
}

const badSibling = (node: bigint, slot: number): DumpError =>
  new DumpError(`XArray node at 0x${node.toString(16)}: an invalid sibling of slot ${slot}`);
const badNode = (address: bigint, shift: number): DumpError =>
  new DumpError(`XArray node at 0x${address.toString(16)}: its shift can't be ${shift}`);
