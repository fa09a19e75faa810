// SPDX-License-Identifier: Apache-2.0
import type { Pfn } from './address.js';
import type { Advice } from './advice.js';
import type { Bytes } from './bytes.js';
import { DumpError, type DumpErrorCode, TRUNCATED } from './errors.js';

/** A file, or what stands for one. Reading outside it, or failing to read, is a `DumpError` with the offset. */
export interface ByteSource {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** `what` says what is being read, for the error. The bytes stay valid and must not be changed. */
  read(offset: number, length: number, what: string): Bytes;
  /** The same without keeping what lies around it, for what is read but once. */
  readOnce?(offset: number, length: number, what: string): Bytes;
  /** For those that hold a file open: nothing can be read any more. */
  close?(): void;
}

/** Why the dump has no bytes of a frame. */
export interface FrameGap extends Advice {
  readonly reason: 'excluded' | 'outside' | 'cut-off' | 'undecodable' | 'unreadable';
  readonly message: string;
  /** For an excluded page: which program left it out, where that is known. */
  readonly by?: 'makedumpfile' | 'excerpt';
}

/** Physical memory by frames of 4096 bytes. `null` is cheap; ask `why` only when somebody wants to know. */
export interface FrameSource {
  /** The frame's 4096 bytes; valid for good, not to be changed. */
  frame(frame: Pfn): DataView | null;
  why(frame: Pfn): FrameGap;
  /** Frames of the machine, one more than the last; undefined where that is not known. */
  readonly limit?: number | undefined;
}

/** Why a virtual address could not be read: where, and what stands in the way. */
export interface Unreadable extends Advice {
  readonly address: bigint;
  readonly reason: FrameGap['reason'] | 'unmapped';
  readonly message: string;
}

/** A virtual address space. */
export interface Memory {
  read(address: bigint, length: number): Bytes | Unreadable;
}

export const isUnreadable = (result: Bytes | Unreadable): result is Unreadable => 'reason' in result;

/** Reads what must be there. Throws `DumpError` naming the structure, the address and the cause. */
export function readOf(memory: Memory, address: bigint, length: number, what: string): Bytes {
  const result = memory.read(address, length);
  if (isUnreadable(result)) throw unreadableError(result, address, what);
  return result;
}

export function unreadableError(fault: Unreadable, start: bigint, what: string): DumpError {
  const inside = fault.address === start ? '' : ` (its byte at 0x${fault.address.toString(16)})`;
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
  outside: 'not-in-dump',
  'cut-off': 'truncated',
  undecodable: 'damaged',
  unreadable: 'system',
  // A pointer that leads nowhere.
  unmapped: 'damaged',
};
