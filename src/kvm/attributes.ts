// SPDX-License-Identifier: Apache-2.0
import { type Gfn, gfn } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import type { Memory } from '../core/memory.js';
import { type XaEntry, type XaNodeFields, xarrayEntries } from '../kernel/containers/xarray.js';

/** Bit of a frame's attributes (include/uapi/linux/kvm.h, KVM_MEMORY_ATTRIBUTE_PRIVATE). */
const PRIVATE = 1n << 3n;

/** Whether pages are private and so in the guest_memfd of their slot; null if that can't be read. */
export type Privacy = boolean | null;

/** Guest frames with the same privacy, from the end of the previous run to `end` - 1. */
export interface PrivacyRun {
  readonly end: Gfn;
  readonly isPrivate: Privacy;
}

/** The array of attributes of a VM: the value of its head, and the layout of its nodes. */
export interface AttributeArray {
  readonly memory: Memory;
  readonly at: XaNodeFields;
  readonly head: bigint;
}

/** Number of frames that are looked up together: those of one node of the array. */
const GROUP = 64;

/** Attributes of guest frames (kvm.mem_attr_array, CONFIG_KVM_GENERIC_MEMORY_ATTRIBUTES, since Linux 6.8). */
export class Attributes {
  readonly #array: AttributeArray | null;
  #group: readonly Privacy[] = [];
  #groupStart = -1;

  /** `array`: null if the attributes are not stored in a known place; then nothing is known about any frame. */
  constructor(array: AttributeArray | null) {
    this.#array = array;
  }

  /** Whether a frame's page is private. */
  isPrivate(frame: Gfn): Privacy {
    const start = frame - (frame % GROUP);
    if (start !== this.#groupStart) {
      this.#group = [...this.runs(gfn(start), gfn(start + GROUP))].flatMap(spread(start));
      this.#groupStart = start;
    }
    return this.#group[frame - start] ?? null;
  }

  /** Whether the pages of the frames `first` to `end` - 1 are private, in the longest possible runs. */
  *runs(first: Gfn, end: Gfn): Generator<PrivacyRun> {
    if (first >= end) return;
    const runs = new Growing(first, end);
    const lost = (from: bigint, to: bigint): void => {
      runs.add(from, to, null);
    };
    if (this.#array === null) lost(0n, BigInt(end));
    else
      for (const { index, last, entry } of untilDamage(this.#array, first, end, lost)) {
        runs.add(index, last, privacyOf(entry));
        yield* runs.finished();
      }
    yield* runs.all();
  }
}

/** Attributes are value entries: bit 0 is set, the number is in the bits above. */
const privacyOf = (entry: bigint): Privacy => ((entry & 1n) === 1n ? ((entry >> 1n) & PRIVATE) !== 0n : null);

/** Joins ranges of frames, added in ascending order, to the longest runs. Frames between them have no attributes. */
class Growing {
  #runs: PrivacyRun[] = [];
  #at: number;
  #last: Privacy | undefined;

  constructor(
    first: Gfn,
    readonly end: Gfn,
  ) {
    this.#at = first;
  }

  /** Adds the frames `first` to `last`, both inclusive. */
  add(first: bigint, last: bigint, isPrivate: Privacy): void {
    this.#grow(Number(first), false);
    this.#grow(Number(last) + 1, isPrivate);
  }

  /** The runs that are complete, and have not been returned yet. */
  finished(): readonly PrivacyRun[] {
    if (this.#runs.length === 0) return NONE;
    const runs = this.#runs;
    this.#runs = [];
    return runs;
  }

  all(): readonly PrivacyRun[] {
    this.#grow(this.end, false);
    const isPrivate = this.#last === undefined ? false : this.#last;
    return [...this.#runs, { end: this.end, isPrivate }];
  }

  #grow(end: number, isPrivate: Privacy): void {
    if (end <= this.#at) return;
    if (this.#last !== undefined && this.#last !== isPrivate)
      this.#runs.push({ end: gfn(this.#at), isPrivate: this.#last });
    this.#last = isPrivate;
    this.#at = Math.min(end, this.end);
  }
}

const NONE: readonly PrivacyRun[] = [];

/** The entries of the array. After damage that ends the walk, the rest of the range is lost, too. */
function* untilDamage(
  { memory, at, head }: AttributeArray,
  first: Gfn,
  end: Gfn,
  lost: (first: bigint, last: bigint) => void,
): Generator<XaEntry> {
  let next = BigInt(first);
  const to = BigInt(end) - 1n;
  try {
    for (const entry of xarrayEntries(memory, at, head, next, to, lost)) {
      next = entry.last + 1n;
      yield entry;
    }
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    lost(next, to);
  }
}

/** Returns a function that expands consecutive runs, the first at `start`, to one value for each frame. */
function spread(start: number): (run: PrivacyRun) => Privacy[] {
  let at = start;
  return ({ end, isPrivate }) => {
    const pages = end - at;
    at = end;
    return new Array<Privacy>(pages).fill(isPrivate);
  };
}
