// SPDX-License-Identifier: Apache-2.0
// The log of kernels from 3.5 to 5.9: records of variable length in one buffer; and that of older ones, a text.
import { DumpError } from '../../core/errors.js';
import { LazyBytes } from '../../core/lazy-bytes.js';
import type { Memory } from '../../core/memory.js';
import { decoded } from '../../core/text.js';
import {
  CONTINUES,
  callerOf,
  type LogMessage,
  type Lost,
  levelOf,
  type Messages,
  NEWLINE,
  rawText,
  textAt,
} from './message.js';
import type { RecordLayout } from './record-layout.js';

/** Larger buffers are taken for damage. The kernel's own limit is 2 GiB (LOG_BUF_LEN_MAX). */
export const MOST_BYTES = 2 ** 28;
/** Size of struct printk_log without caller_id. */
const WITHOUT_CALLER = 16;

/** A buffer, and the offset of the oldest record or character in it. */
export interface LogBuffer {
  readonly address: bigint;
  readonly size: number;
  readonly first: number;
}
export interface RecordBuffer extends LogBuffer {
  /** Offset of the first free byte. */
  readonly next: number;
}
export interface TextBuffer extends LogBuffer {
  readonly length: number;
}

/** The messages of a buffer of records, from the oldest on. `seq`: number of the first; null if it is not known. */
export function* recordMessages(
  memory: Memory,
  { address, size, first, next }: RecordBuffer,
  at: RecordLayout,
  seq: number | null,
  lost: Lost,
): Messages {
  const bytes = LazyBytes.of(memory, address, size, 'log_buf');
  let [offset, left, count, isOpen] = [first, size, 0, false];
  try {
    while (offset !== next) {
      const length = offset + at.bytes > size ? 0 : bytes.u16(offset + at.length);
      // The rest of the buffer is not used: a record never passes its end.
      left -= length === 0 ? size - offset : length;
      if ((length === 0 && offset === 0) || left < 0)
        throw bytes.error(offset, `the records do not lead to the last one, which ends at offset ${next}`);
      if (length === 0) {
        offset = 0;
        continue;
      }
      const { flags } = marksAt(bytes, offset, at);
      const number = seq === null ? null : seq + count++;
      yield messageAt(bytes, offset, at, number, isOpen && (flags & CONTINUES) !== 0);
      isOpen = (flags & NEWLINE) === 0;
      offset += length;
    }
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    lost(error.message);
  }
}

/** Level, facility and flags of a record. */
function marksAt(bytes: LazyBytes, offset: number, at: RecordLayout) {
  const after = offset + at.dictLength + 2;
  if (!at.hasFlags) {
    // The number that syslog has for both.
    const both = bytes.u16(after);
    return { level: both & 7, facility: both >> 3, flags: NEWLINE };
  }
  const flags = bytes.u8(after + 1);
  return { level: levelOf(flags), facility: bytes.u8(after), flags };
}

function messageAt(
  bytes: LazyBytes,
  offset: number,
  at: RecordLayout,
  seq: number | null,
  continues: boolean,
): LogMessage {
  const length = bytes.u16(offset + at.length);
  const [textLength, dictLength] = [bytes.u16(offset + at.textLength), bytes.u16(offset + at.dictLength)];
  if (at.bytes + textLength + dictLength > length || offset + length > bytes.length)
    throw bytes.error(
      offset,
      `a record of ${length} bytes with ${textLength + dictLength} bytes of text can't be right`,
    );
  const { level, facility } = marksAt(bytes, offset, at);
  const dict = textAt(bytes, offset + at.bytes + textLength, dictLength).split('\0');
  const entry = (key: string): string | null =>
    dict.find((each) => each.startsWith(`${key}=`))?.slice(key.length + 1) ?? null;
  const caller = at.bytes > WITHOUT_CALLER ? callerOf(bytes.u32(offset + WITHOUT_CALLER)) : { thread: null, cpu: null };
  return {
    seq,
    time: bytes.u64(offset + at.time),
    level,
    facility,
    ...caller,
    subsystem: entry('SUBSYSTEM'),
    device: entry('DEVICE'),
    text: textAt(bytes, offset + at.bytes, textLength),
    continues,
  };
}

/**
 * The messages of a buffer of text, in which each line begins with its level: `<6>[    0.000000] text`. `length`: number of
 * characters, of which those that do not fit before the end of the buffer are at its start.
 */
export function* textMessages(memory: Memory, buffer: TextBuffer, lost: Lost): Messages {
  const { address, size, first, length } = buffer;
  if (length === 0) return;
  try {
    const bytes = LazyBytes.of(memory, address, size, 'log_buf');
    const before = Math.min(length, size - first);
    const text = rawText(bytes, first, before) + rawText(bytes, 0, length - before);
    for (const line of text.replace(/\n$/, '').split('\n')) yield messageOf(decoded(line.replaceAll('\0', '')));
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    lost(error.message);
  }
}

function messageOf(line: string): LogMessage {
  const [, level, seconds, fraction, text = ''] = /^(?:<(\d)>)?(?:\[ *(\d{1,9})\.(\d{6})\] )?(.*)$/s.exec(line) ?? [];
  return {
    seq: null,
    time: seconds === undefined ? null : BigInt(seconds) * 1_000_000_000n + BigInt(fraction ?? 0) * 1000n,
    level: level === undefined ? null : Number(level),
    facility: null,
    thread: null,
    cpu: null,
    subsystem: null,
    device: null,
    text,
    continues: false,
  };
}
