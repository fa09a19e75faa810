// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import { LazyBytes } from '../../core/lazy-bytes.js';
import { type Memory, readOf } from '../../core/memory.js';
import type { XaNodeFields } from './xarray-nodes.js';

export { type XaNodeFields, xaNodes } from './xarray-nodes.js';

const TOP = (1n << 64n) - 1n;
/** No bit of an index above it: 64-bit indices. */
const HIGHEST_SHIFT = 60;
/** Nodes of 2^32 entries that lie side by side; a damaged array, whose nodes do not tell where they hang, could have more. */
const MOST_NODES = 2 ** 26;

/**
 * The entry at an index of an XArray, 0 when there is none; `head` is the value of xa_head. Retry and zero entries
 * count as none. Each node's shift must be one slot width below its parent's, so the walk ends.
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
    // Siblings are of entries alone.
    if (sibling !== null) throw badSibling(node, sibling);
    [node, shift] = [child, shiftBelow(memory, at, child, shift)];
  }
}

/** An entry of an XArray: the first index that it is kept for, and the order: it is kept for 2^order of them. */
export interface XaEntry {
  readonly index: bigint;
  /** Null for a number of indices that is no power of 2: the entry was just being stored. */
  readonly order: number | null;
  readonly entry: bigint;
}

/**
 * The entries of an XArray that are kept for indices from `from` to `to`, both included, in ascending order; one that is
 * kept for several comes once, the first and the last may reach beyond. `head` is the value of xa_head. Retry and zero
 * entries count as none; value entries come as they are. Each node must tell that it hangs where it was met, as far as
 * the types know; what breaks this, and a node that can't be read, is a `DumpError`.
 */
export function* xarrayEntries(
  memory: Memory,
  at: XaNodeFields,
  head: bigint,
  from = 0n,
  to = TOP,
): Generator<XaEntry> {
  if (from > to) return;
  const root = at.nodeOf(head, null);
  if (root !== null) yield* new Walk(memory, at, from, to).within(root, topShift(memory, at, root), 0n);
  else if (at.isStored(head) && from === 0n) yield { index: 0n, order: 0, entry: head };
}

class Walk {
  readonly #memory: Memory;
  readonly #at: XaNodeFields;
  readonly #from: bigint;
  readonly #to: bigint;
  readonly #above: ReturnType<XaNodeFields['above']>;
  #nodes = 0;

  constructor(memory: Memory, at: XaNodeFields, from: bigint, to: bigint) {
    this.#memory = memory;
    this.#at = at;
    this.#from = from;
    this.#to = to;
    this.#above = at.above();
  }

  /** What is kept below a node, whose first index is `base`. */
  *within(node: bigint, shift: number, base: bigint): Generator<XaEntry> {
    if (this.#nodes++ === MOST_NODES) throw new DumpError(`XArray: more than ${MOST_NODES} nodes`);
    const { slots } = this.#at;
    const width = BigInt(shift);
    const lowest = this.#from > base ? Number((this.#from - base) >> width) : 0;
    const highest = this.#to < base ? -1 : Math.min(slots.count - 1, Number((this.#to - base) >> width));
    if (lowest > highest) return;
    const bytes = LazyBytes.of(this.#memory, node + BigInt(slots.offset), slots.count * 8, 'slots of an XArray node');
    for (let slot = this.#start(bytes, node, lowest); slot <= highest; slot++) {
      const entry = bytes.u64(slot * 8);
      if (entry === 0n) continue;
      const sibling = this.#at.siblingOf(entry, node);
      const child = sibling === null ? this.#at.nodeOf(entry, shift) : null;
      const first = base + (BigInt(slot) << width);
      if (sibling !== null) this.#checkLeftOver(bytes, node, shift, slot, sibling);
      else if (child !== null) {
        const below = shiftBelow(this.#memory, this.#at, child, shift);
        this.#checkPlace(child, node, slot);
        yield* this.within(child, below, first);
      } else if (this.#at.isStored(entry)) {
        const more = this.#siblings(bytes, node, slot);
        const order = Math.log2(more + 1);
        yield { index: first, order: Number.isInteger(order) ? shift + order : null, entry };
        slot += more;
      }
    }
  }

  /** The first slot of the entry that a slot belongs to. */
  #start(bytes: LazyBytes, node: bigint, slot: number): number {
    const sibling = this.#at.siblingOf(bytes.u64(slot * 8), node);
    if (sibling === null || sibling >= slot || !this.#at.isStored(bytes.u64(sibling * 8))) return slot;
    return sibling + this.#siblings(bytes, node, sibling) >= slot ? sibling : slot;
  }

  /** How many slots behind one refer to it. */
  #siblings(bytes: LazyBytes, node: bigint, slot: number): number {
    const { count } = this.#at.slots;
    let next = slot + 1;
    while (next < count && this.#at.siblingOf(bytes.u64(next * 8), node) === slot) next++;
    return next - slot - 1;
  }

  /** Siblings are passed with their entry: one that was not may be left of an entry that was just being taken out. */
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
      `XArray node at 0x${node.toString(16)}: met in slot ${slot} of 0x${above.toString(16)}, it names slot ${hangsIn.toString()} of 0x${hangsOn.toString(16)}`,
    );
  }
}

function topShift(memory: Memory, at: XaNodeFields, node: bigint): number {
  const shift = at.shiftOf(memory, node);
  if (shift < 0 || shift > HIGHEST_SHIFT || shift % at.bits !== 0) throw badNode(node, shift);
  return shift;
}

/** The shift of a node below one of shift `above`. */
function shiftBelow(memory: Memory, at: XaNodeFields, node: bigint, above: number): number {
  const shift = at.shiftOf(memory, node);
  if (shift < 0 || shift !== above - at.bits) throw badNode(node, shift);
  return shift;
}

function entryAt(memory: Memory, { slots }: XaNodeFields, node: bigint, slot: number): bigint {
  return readOf(memory, node + BigInt(slots.offset + slot * 8), 8, 'XArray slot').u64(0);
}

const badSibling = (node: bigint, slot: number): DumpError =>
  new DumpError(`XArray node at 0x${node.toString(16)}: a sibling of slot ${slot}`);
const badNode = (address: bigint, shift: number): DumpError =>
  new DumpError(`XArray node at 0x${address.toString(16)}: a shift of ${shift}`);
