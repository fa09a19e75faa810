// SPDX-License-Identifier: Apache-2.0
import type { Pfn } from './address.js';
import type { Advice } from './advice.js';
import type { Bytes } from './bytes.js';
import { DumpError, type DumpErrorCode, TRUNCATED } from './errors.js';

/** A file, or something that reads like one. A read that fails or passes the end throws `DumpError` with the offset. */
export interface ByteSource {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Reads `length` bytes; `what` names them in errors. The bytes stay valid and must not be changed. */
  read(offset: number, length: number, what: string): Bytes;
  /** Reads like `read`, without filling a cache; for one-off reads. */
  readOnce?(offset: number, length: number, what: string): Bytes;
  /** Fills `target` from an offset on, without filling a cache. */
  readInto?(target: Uint8Array, offset: number, what: string): void;
  /**
   * Only of a file that the kernel makes while it is read, whose contents can change: drops what was read before, so that the
   * next read returns the contents of its own time. Bytes that were returned stay as they are.
   */
  readonly forget?: (() => void) | undefined;
  /** Closes the file, if there is one; nothing can be read afterwards. */
  close?(): void;
}

/** Why the dump has no bytes of a frame; `absent`: a guest's page is not in the memory of its host. */
export interface FrameGap extends Advice {
  readonly reason: 'excluded' | 'outside' | 'cut-off' | 'undecodable' | 'unreadable' | 'absent';
  readonly message: string;
  /** For an excluded page: the program that left it out, if known. */
  readonly by?: 'makedumpfile' | 'excerpt';
}

/** Physical memory in frames of 4096 bytes. A missing frame is a cheap `null`; `why` explains it and costs more. */
export interface FrameSource {
  /** The frame's 4096 bytes; null if there are none. They stay valid and must not be changed. */
  frame(frame: Pfn): DataView | null;
  /**
   * Reads as many frames that follow each other as `target` is long, if they can be read at once and all are there; else false,
   * and `frame` must be asked for each.
   */
  stretch?(frame: Pfn, target: Uint8Array): boolean;
  /** Why `frame` returned null. */
  why(frame: Pfn): FrameGap;
  /** For a missing frame: the next frame that may be present, or missing for another reason; at most `end`. */
  gapEnd?(frame: Pfn, end: number): number;
  /** Number of the machine's last frame plus one; undefined if unknown. */
  readonly limit?: number | undefined;
  /** Only of a running machine, whose memory changes while it is read. */
  readonly live?: Live | undefined;
}

/** The memory of a running machine. */
export interface Live {
  /**
   * Drops what was read before. Bytes that were returned stay as they are. Whoever keeps bytes, or what follows from them,
   * must drop it too (kernel/live.ts).
   */
  forget(): void;
  /** How often an answer was read again because it had changed, and how many answers changed each time. */
  again: number;
  moved: number;
}

/** Why virtual memory could not be read: the first address concerned, and the reason. */
export interface Unreadable extends Advice {
  readonly address: bigint;
  readonly reason: FrameGap['reason'] | 'unmapped';
  readonly message: string;
}

/** A virtual address space. */
export interface Memory {
  /** The `length` bytes from `address` on, or why they can't be read. */
  read(address: bigint, length: number): Bytes | Unreadable;
}

export const isUnreadable = (result: Bytes | Unreadable): result is Unreadable => 'reason' in result;

/** Reads memory that must be there. Throws `DumpError` with `what`, the address and the cause. */
export function readOf(memory: Memory, address: bigint, length: number, what: string): Bytes {
  const result = memory.read(address, length);
  if (isUnreadable(result)) throw unreadableError(result, address, what);
  return result;
}

/** The error for `what`, which begins at address `start` and can't be read. */
export function unreadableError(fault: Unreadable, start: bigint, what: string): DumpError {
  const inside = fault.address === start ? '' : ` (unreadable at 0x${fault.address.toString(16)})`;
  const details = { code: CODES[fault.reason], remedies: fault.remedies ?? [] };
  if (fault.reason === 'cut-off')
    return new DumpError(
      `${TRUNCATED}${what} at 0x${start.toString(16)}${inside} is in the part that is missing (${fault.message})`,
      details,
    );
  return new DumpError(`${what} at 0x${start.toString(16)}${inside}: ${fault.message}`, details);
}

const CODES: Readonly<Record<Unreadable['reason'], DumpErrorCode>> = {
  excluded: 'not-in-dump',
  // A page of a guest that is not in the memory of its host.
  absent: 'not-in-dump',
  outside: 'not-in-dump',
  'cut-off': 'truncated',
  undecodable: 'damaged',
  unreadable: 'system',
  // The pointer is wrong.
  unmapped: 'damaged',
};
