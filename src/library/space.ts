// SPDX-License-Identifier: Apache-2.0
import type { Remedy } from '../core/advice.js';
import { UsageError } from '../core/errors.js';
import type { Reason } from '../core/outcome.js';
import type { ContentsSource } from '../spaces/contents.js';
import type { GuestRun as Run } from '../spaces/guest-run.js';
import type { GuestSpace } from '../spaces/guest-space.js';
import { pagesOf, pieces } from '../spaces/reading.js';
import type { Gap } from '../spaces/space.js';
import { addressOf, byteOf, lengthOf, PAGE } from './addresses.js';
import { type Mapped, resultOf, type Unmapped } from './answer.js';
import type { Lifetime } from './lifetime.js';
import type { Gap as PhysicalGap } from './physical.js';

/** Pages of a guest that follow each other and have the same answer; the answer is about the first of them. */
export type GuestRun = (Mapped | Unmapped) & {
  /** Size of the run in bytes: that of all its pages. */
  readonly size: number;
};

/** Why there are no bytes of some guest memory. */
export interface GuestGap {
  /** The reason of the guest physical address's answer, or why the dump has no bytes of the frame that it is mapped to. */
  readonly reason: Reason | PhysicalGap['reason'];
  /** The same as a text for people; its wording can change. */
  readonly message: string;
  /** What would help. */
  readonly remedies: readonly Remedy[];
}

/** Bytes of a guest's memory that follow each other: a copy of them, or the reason why there are none. */
export type GuestRange = {
  /** Guest physical address (GPA) of the first one. */
  readonly gpa: bigint;
  /** Number of bytes. */
  readonly length: number;
} & (
  | {
      readonly bytes: Uint8Array;
      /** Where they are: in memory that is mapped, in a cache of the kernel, or in compressed swap. */
      readonly source: ContentsSource;
      readonly gap: null;
    }
  | { readonly bytes: null; readonly source: null; readonly gap: GuestGap }
);

/** The first address that no guest has, 2^52, as a number. */
const END = 2 ** 52;

/** The physical memory of a guest, in one of KVM's address spaces. */
export class Space {
  readonly #make: () => GuestSpace;
  readonly #lifetime: Lifetime;

  private constructor(make: () => GuestSpace, lifetime: Lifetime) {
    this.#make = make;
    this.#lifetime = lifetime;
  }

  /**
   * `make`: makes a space that is not used by anything else.
   *
   * @internal
   */
  static of(make: () => GuestSpace, lifetime: Lifetime): Space {
    return new this(make, lifetime);
  }

  /**
   * The pages from that of `from` to that of the last byte before `to` as the fewest runs, ascending: each page is in one
   * run, holes included. None if both are equal. By default all memory from address 0 to the end of the last memslot. Throws
   * `UsageError` for anything but bigints and exact numbers from 0 to 2^52, and if `to` is below `from`.
   */
  runs(from: bigint | number = 0, to?: bigint | number): Generator<GuestRun, undefined> {
    this.#lifetime.check();
    const start = numberOf(from);
    const stop = to === undefined ? null : numberOf(to);
    if (stop !== null && stop < start)
      throw new UsageError(`the end, 0x${stop.toString(16)}, is below the start, 0x${start.toString(16)}`);
    const first = Math.floor(start / PAGE);
    const end = stop === null ? null : stop === start ? first : Math.ceil(stop / PAGE);
    return this.#lifetime.during(runsOf(this.#make, first, end));
  }

  /**
   * The memory from a guest physical address on, `length` bytes: each of them in one range, ascending. Bytes come in ranges of at
   * most 1 MiB; bytes that are missing for the same reason come as one range. Throws `UsageError` as `runs` does.
   */
  read(from: bigint | number, length: number): Generator<GuestRange, undefined> {
    this.#lifetime.check();
    const start = numberOf(from);
    const end = start + lengthOf(length);
    if (end > END) throw new UsageError(`${length} bytes from 0x${start.toString(16)} on reach above 2^52`);
    return this.#lifetime.during(ranges(this.#make, start, end));
  }
}

function numberOf(address: bigint | number): number {
  const value = addressOf(address, 'guest physical address');
  if (value > BigInt(END)) throw new UsageError(`0x${value.toString(16)} is above 2^52: no guest has such an address`);
  return Number(value);
}

const runOf = (run: Run): GuestRun => ({ ...resultOf(byteOf(run.page, 0), run), size: run.pages * PAGE });

/** `end`: null for the end of the last memslot. */
function* runsOf(make: () => GuestSpace, first: number, end: number | null): Generator<GuestRun, undefined> {
  const space = make();
  for (const run of space.runs(first, end ?? space.limit)) yield runOf(run);
}

/** The bytes of a guest's memory, copied; those that are missing for the same reason are together. */
function* ranges(make: () => GuestSpace, start: number, end: number): Generator<GuestRange, undefined> {
  for (const { page, offset, length, bytes, source, gap } of pieces(
    pagesOf(make()),
    Math.floor(start / PAGE),
    start % PAGE,
    end - start,
  )) {
    const gpa = byteOf(page, offset);
    // Without bytes there is a reason.
    if (bytes === null) yield { gpa, length, bytes, source: null, gap: gapOf(gap as Gap) };
    else yield { gpa, length, bytes: bytes.slice(), source, gap: null };
  }
}

const gapOf = ({ reason, message, remedies = [] }: Gap): GuestGap => ({
  reason: reason,
  message,
  remedies,
});
