// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE } from '../core/address.js';
import { latin1 } from '../core/bytes.js';
import { DumpError } from '../core/errors.js';
import { isUnreadable, readOf } from '../core/memory.js';
import { resolve } from '../types/fields.js';
import type { Host } from './host.js';
import { KernelMemory } from './memory.js';
import type { Mm } from './mm.js';
import { argumentsFields } from './structs.js';

/** Most bytes of arguments: a quarter of the usual stack limit of 8 MiB. */
const MOST_BYTES = 0x200000;

/**
 * The words of a process's command line (mm_struct.arg_start to arg_end), one character per byte. They are in the
 * memory of the process, which dumps often leave out, and which the process may have overwritten. Throws `DumpError` if
 * they can't be read.
 */
export function argumentsOf(host: Host, mm: Mm): readonly string[] {
  if (mm.users === 0) throw new DumpError('the process has exited, and its memory is gone', { code: 'not-in-dump' });
  const { mm: at } = resolve(host.types, { mm: argumentsFields });
  const bytes = readOf(host.memory, mm.address, at.bytes, 'mm_struct');
  const [start, end] = [bytes.u64(at.start.offset), bytes.u64(at.end.offset)];
  if (end < start || end - start > MOST_BYTES)
    throw bytes.error(
      at.start.offset,
      `arg_start 0x${start.toString(16)} and arg_end 0x${end.toString(16)} are not a valid range`,
    );
  const words = textOf(host, mm, start, Number(end - start)).split('\0');
  // The last word too ends with a NUL.
  return words.at(-1) === '' ? words.slice(0, -1) : words;
}

function textOf({ frames, memory: { form } }: Host, mm: Mm, start: bigint, length: number): string {
  const memory = new KernelMemory(frames, form, mm.root, 'process');
  let text = '';
  for (let done = 0; done < length; ) {
    const at = start + BigInt(done);
    const part = Math.min(length - done, PAGE_SIZE - Number(at & 0xfffn));
    const bytes = memory.read(at, part);
    if (isUnreadable(bytes)) throw new DumpError(`0x${at.toString(16)}: ${bytes.message}`, { code: 'not-in-dump' });
    if (part > 1 && bytes.array().every((byte) => byte === 0))
      throw new DumpError(`0x${at.toString(16)}: only zeros: overwritten, or missing in the dump`, {
        code: 'not-in-dump',
      });
    text += latin1(bytes.array());
    done += part;
  }
  return text;
}
