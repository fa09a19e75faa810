// SPDX-License-Identifier: Apache-2.0
import type { Remedy } from '../core/advice.js';
import { UsageError } from '../core/errors.js';
import type { Reason } from '../core/outcome.js';
import type { GuestRun as Run } from '../spaces/guest-run.js';
import type { GuestSpace } from '../spaces/guest-space.js';
import { isGap } from '../spaces/space.js';
import { addressOf, byteOf, lengthOf, PAGE } from './addresses.js';
import { type Mapped, resultOf, type Unmapped } from './answer.js';
import type { Lifetime } from './lifetime.js';
import type { Gap } from './physical.js';

/** Pages of a guest that follow each other and have the same answer; the answer is about the first of them. */
export type GuestRun = (Mapped | Unmapped) & {
  /** Size of the run in bytes: that of all its pages. */
  readonly size: number;
};

/** Why there are no bytes of some guest memory. */
export interface GuestGap {
  /** The reason of the guest physical address's answer, or why the dump has no bytes of the frame that it is mapped to. */
  readonly reason: Reason | Gap['reason'];
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
} & ({ readonly bytes: Uint8Array; readonly gap: null } | { readonly bytes: null; readonly gap: GuestGap });

type MissingRange = GuestRange & { readonly gap: GuestGap };

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
   * The memory from a guest physical address on, `length` bytes: each of them in one range, ascending. Bytes come page by
   * page; bytes that are missing for the same reason come as one range. Throws `UsageError` as `runs` does.
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

/** The bytes of a guest's memory; those that are missing for the same reason are put together. */
function* ranges(make: () => GuestSpace, start: number, end: number): Generator<GuestRange, undefined> {
  let missing = null as MissingRange | null;
  for (const piece of pieces(make(), start, end)) {
    if (piece.gap === null) {
      if (missing !== null) yield missing;
      missing = null;
      yield piece;
    } else if (missing?.gap.reason === piece.gap.reason) {
      missing = { ...missing, length: missing.length + piece.length };
    } else {
      if (missing !== null) yield missing;
      missing = piece;
    }
  }
  if (missing !== null) yield missing;
}

/** Pages that are mapped, one by one; runs of those that are not, whole. */
function* pieces(space: GuestSpace, start: number, end: number): Generator<GuestRange, undefined> {
  for (const { page, pages, state, reason, message } of space.runs(Math.floor(start / PAGE), Math.ceil(end / PAGE))) {
    const from = Math.max(start, page * PAGE);
    const to = Math.min(end, (page + pages) * PAGE);
    if (state === 'mapped') yield* present(space, from, to);
    else if (reason !== null) yield missingOf(from, to, { reason, message: message ?? reason, remedies: [] });
  }
}

function* present(space: GuestSpace, start: number, end: number): Generator<GuestRange, undefined> {
  for (let at = start; at < end; ) {
    const page = Math.floor(at / PAGE);
    const stop = Math.min(end, (page + 1) * PAGE);
    const found = space.bytes(page);
    if (isGap(found)) {
      yield missingOf(at, stop, { reason: found.reason, message: found.message, remedies: found.remedies ?? [] });
    } else {
      const bytes = new Uint8Array(found.buffer, found.byteOffset + at - page * PAGE, stop - at).slice();
      yield { gpa: BigInt(at), length: stop - at, bytes, gap: null };
    }
    at = stop;
  }
}

const missingOf = (from: number, to: number, gap: GuestGap): MissingRange => ({
  gpa: BigInt(from),
  length: to - from,
  bytes: null,
  gap,
});
