// SPDX-License-Identifier: Apache-2.0
import { latin1 } from '../../core/bytes.js';
import type { Readable } from '../../core/lazy-bytes.js';
import { decoded } from '../../core/text.js';

/** A message of the kernel's log. */
export interface LogMessage {
  /** Its number since the start of the kernel; null in kernels that do not count them. */
  readonly seq: number | null;
  /** Nanoseconds since the start of the kernel (its scheduler clock); null if it is not recorded. */
  readonly time: bigint | null;
  /** From 0 (emergency) to 7 (debug); null if it is not recorded. */
  readonly level: number | null;
  /** 0 for messages of the kernel itself, 1 for those of processes that write to /dev/kmsg, and so on. */
  readonly facility: number | null;
  /** The thread ID, or else the processor, that it is from; null if it is not recorded. */
  readonly thread: number | null;
  readonly cpu: number | null;
  /** Subsystem and device that a driver reported with it; null for other messages. */
  readonly subsystem: string | null;
  readonly device: string | null;
  /** Without the final line break, but it may have several lines; null if the dump does not have it. */
  readonly text: string | null;
  /** Whether it continues the line of the message before it, which has no line break at its end. */
  readonly continues: boolean;
}

/** Messages in the order of the log. `lost` receives the reason why some can't be read. */
export type Messages = Generator<LogMessage, void>;
export type Lost = (why: string) => void;

/** The byte of level and flags (struct printk_info, printk_log): five bits of flags, three of the level. */
export const NEWLINE = 1 << 1;
export const CONTINUES = 1 << 3;
const CALLER_IS_CPU = 0x80000000;

export const levelOf = (byte: number): number => byte >> 5;

/** The thread or the processor in a caller_id. */
export const callerOf = (id: number): Pick<LogMessage, 'thread' | 'cpu'> => {
  const isCpu = id >= CALLER_IS_CPU;
  return { thread: isCpu ? null : id, cpu: isCpu ? id - CALLER_IS_CPU : null };
};

/** Text in a log: the kernel writes bytes, which are UTF-8 if they are anything else than ASCII. */
export const textAt = (bytes: Readable, offset: number, length: number): string =>
  decoded(rawText(bytes, offset, length));

/** The same with one character per byte. */
export function rawText(bytes: Readable, offset: number, length: number): string {
  if (length === 0) return '';
  const view = bytes.window(offset, length);
  return latin1(new Uint8Array(view.buffer, view.byteOffset, Math.min(length, view.byteLength)));
}
