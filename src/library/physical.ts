// SPDX-License-Identifier: Apache-2.0
import type { Remedy } from '../core/advice.js';
import { UsageError } from '../core/errors.js';
import type { PhysicalMemory, Stretch } from '../dump/physical.js';
import { addressOf, lengthOf } from './addresses.js';
import type { Lifetime } from './lifetime.js';

/** Why a dump does not have the bytes of some memory. */
export interface Gap {
  /**
   * `excluded`: left out when the dump was written. `outside`: not covered by the dump. `cut-off`: the file ends before
   * them. `undecodable`: their page cannot be decompressed. `unreadable`: the file cannot be read there. `absent`: a page
   * of a guest is not in the memory of its host.
   */
  readonly reason: 'excluded' | 'outside' | 'cut-off' | 'undecodable' | 'unreadable' | 'absent';
  /** The same as a text for people; its wording can change. */
  readonly message: string;
  /** What would help. */
  readonly remedies: readonly Remedy[];
}

/** Bytes of physical memory that follow each other and are in the dump. */
export interface PresentBytes {
  /** Host physical address (HPA) of the first one. */
  readonly address: bigint;
  /** Number of bytes. */
  readonly length: number;
  /** A copy of them. */
  readonly bytes: Uint8Array;
  /** Nothing is missing. */
  readonly gap: null;
}

/** Bytes of physical memory that follow each other and are not in the dump, all for the same reason. */
export interface MissingBytes {
  /** Host physical address (HPA) of the first one. */
  readonly address: bigint;
  /** Number of bytes. */
  readonly length: number;
  /** Null: no zeros take their place. */
  readonly bytes: null;
  /** The reason. */
  readonly gap: Gap;
}

/** Some physical memory: its bytes, or the reason why the dump does not have them. */
export type PhysicalRange = PresentBytes | MissingBytes;

/** Numbers below this are exact. */
const EXACT = 2n ** 53n;

/** The physical memory of the machine that is in the dump. Memory that the dump lacks is never returned as zeros. */
export class Physical {
  readonly #memory: PhysicalMemory;
  readonly #lifetime: Lifetime;

  private constructor(memory: PhysicalMemory, lifetime: Lifetime) {
    this.#memory = memory;
    this.#lifetime = lifetime;
  }

  /** @internal */
  static of(memory: PhysicalMemory, lifetime: Lifetime): Physical {
    return new this(memory, lifetime);
  }

  /**
   * The memory from a host physical address on, `length` bytes: each of them in one range, ascending. Bytes come page by
   * page; bytes that are missing for the same reason come as one range. Throws `UsageError` for anything but
   * bigints and exact numbers from 0 on, or if the range ends above 2^53.
   */
  read(address: bigint | number, length: number): Generator<PhysicalRange, undefined> {
    this.#lifetime.check();
    const start = addressOf(address, 'physical address');
    if (start + BigInt(lengthOf(length)) > EXACT)
      throw new UsageError(`${length} bytes from 0x${start.toString(16)} on can't be read`);
    return this.#lifetime.during(ranges(this.#memory, Number(start), length));
  }
}

function* ranges(memory: PhysicalMemory, start: number, length: number): Generator<PhysicalRange, undefined> {
  for (const stretch of memory.read(start, length)) yield rangeOf(stretch);
}

function rangeOf({ address, length, bytes, gap }: Stretch): PhysicalRange {
  const place = { address: BigInt(address), length };
  // The dump's own bytes are kept and read again.
  if (bytes !== null) return { ...place, bytes: bytes.slice(), gap: null };
  if (gap === null) throw new Error('neither bytes nor why there are none');
  const { reason, message, remedies } = gap;
  return { ...place, bytes: null, gap: { reason, message, remedies: remedies ?? [] } };
}
