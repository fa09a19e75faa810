// SPDX-License-Identifier: Apache-2.0
import type { Remedy } from '../core/advice.js';
import { UsageError } from '../core/errors.js';
import type { PhysicalMemory, Stretch } from '../dump/physical.js';
import { addressOf } from './addresses.js';

/** Why a dump has no bytes of some memory. */
export interface Gap {
  /**
   * `excluded`: the writer of the dump left them out. `outside`: the dump does not cover them. `cut-off`: the file ends
   * before them. `undecodable`: their page can't be decompressed. `unreadable`: the file can't be read there.
   */
  readonly reason: 'excluded' | 'outside' | 'cut-off' | 'undecodable' | 'unreadable';
  /** The same for people. */
  readonly message: string;
  /** What would help. */
  readonly remedies: readonly Remedy[];
}

/** Bytes of physical memory that lie together and are in the dump. */
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

/** Bytes of physical memory that lie together and are not in the dump, for the same reason. */
export interface MissingBytes {
  /** Host physical address (HPA) of the first one. */
  readonly address: bigint;
  /** Number of bytes. */
  readonly length: number;
  /** Never zeros in their place. */
  readonly bytes: null;
  /** Why there are none. */
  readonly gap: Gap;
}

/** Some physical memory: as the dump has it, or why it does not. */
export type PhysicalRange = PresentBytes | MissingBytes;

/** Numbers are exact below it. */
const EXACT = 2n ** 53n;

/** Physical memory of the machine, as far as the dump has it. What it lacks is never given as zeros. */
export class Physical {
  readonly #memory: PhysicalMemory;

  private constructor(memory: PhysicalMemory) {
    this.#memory = memory;
  }

  /** @internal */
  static of(memory: PhysicalMemory): Physical {
    return new this(memory);
  }

  /**
   * The memory from a host physical address on, `length` bytes of it: each of them in one range, ascending. Bytes come
   * page by page, those that are missing for the same reason in one range. Throws `UsageError` for an address or a length
   * that is not a whole number from 0 on, or that leads beyond 2^53.
   */
  *read(address: bigint | number, length: number): Generator<PhysicalRange, undefined> {
    const start = addressOf(address, 'physical address');
    if (!Number.isSafeInteger(length) || length < 0 || start + BigInt(length) > EXACT)
      throw new UsageError(`${length} bytes from 0x${start.toString(16)} on can't be read`);
    for (const stretch of this.#memory.read(Number(start), length)) yield rangeOf(stretch);
  }
}

function rangeOf({ address, length, bytes, gap }: Stretch): PhysicalRange {
  const place = { address: BigInt(address), length };
  // The dump's own bytes are kept and read again.
  if (bytes !== null) return { ...place, bytes: bytes.slice(), gap: null };
  if (gap === null) throw new Error('neither bytes nor why there are none');
  const { reason, message, remedies } = gap;
  return { ...place, bytes: null, gap: { reason, message, remedies: remedies ?? [] } };
}
