// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import { readOf } from '../../core/memory.js';
import type { Host } from '../host.js';
import type { Lost, Messages } from './message.js';
import { recordLayout } from './record-layout.js';
import {
  type LogBuffer,
  MOST_BYTES,
  type RecordBuffer,
  recordMessages,
  type TextBuffer,
  textMessages,
} from './records.js';
import { ringMessages } from './ring.js';
import { ringLayout } from './ring-layout.js';

/**
 * The messages in a kernel's log, from the oldest on: of all kernels, the ring of 5.10, the records of 3.5 and the text of
 * older ones. Throws `DumpError` if there is no log.
 */
export function logMessages(host: Host, lost: Lost): Messages {
  const { memory, info, types } = host;
  const ring = numberAt(host, 'prb', 8);
  if (ring !== null) return ringMessages(memory, ring, ringLayout(info, types), lost);
  const layout = recordLayout(info, types);
  if (layout === null) return textMessages(memory, textBuffer(host), lost);
  const first = numberAt(host, 'log_first_seq', 8);
  return recordMessages(memory, recordBuffer(host), layout, first === null ? null : Number(first), lost);
}

/** The buffer of 3.5 to 5.9. */
function recordBuffer(host: Host): RecordBuffer {
  const buffer = { ...bufferOf(host), first: Number(need(host, 'log_first_idx', 4)) };
  const next = Number(need(host, 'log_next_idx', 4));
  if (Math.max(buffer.first, next) > buffer.size)
    throw damaged(`log_buf: the offsets ${buffer.first} and ${next} are not in its ${buffer.size} bytes`);
  return { ...buffer, next };
}

/** The buffer of older kernels: log_end counts the characters that were ever written, logged_chars those since the last clear. */
function textBuffer(host: Host): TextBuffer {
  const buffer = bufferOf(host);
  const { size } = buffer;
  const length = Math.min(Number(need(host, 'logged_chars', 4)), size);
  const first = (Number(need(host, 'log_end', 4)) - length) % size;
  return { ...buffer, first: first < 0 ? first + size : first, length };
}

function bufferOf(host: Host): Omit<LogBuffer, 'first'> {
  const size = Number(need(host, 'log_buf_len', 4));
  if (size < 1 || size > MOST_BYTES) throw damaged(`log_buf_len: ${size} bytes can't be right`);
  return { address: need(host, 'log_buf', 8), size };
}

const damaged = (message: string): DumpError => new DumpError(message, { code: 'damaged' });

function need(host: Host, name: string, bytes: 4 | 8): bigint {
  const value = numberAt(host, name, bytes);
  if (value === null)
    throw new DumpError(`kernel ${host.release}: neither VMCOREINFO nor kallsyms has ${name}, which leads to its log`, {
      code: 'no-types',
    });
  return value;
}

/** The value of a variable; null if neither VMCOREINFO nor the symbols have its address. */
function numberAt({ memory, info, symbols }: Host, name: string, bytes: 4 | 8): bigint | null {
  const address = info.symbol(name) ?? symbols.get(name);
  return address === undefined ? null : readOf(memory, address, bytes, name).unsigned(0, bytes);
}
