// SPDX-License-Identifier: Apache-2.0
import { readOf } from '../core/memory.js';
import { resolve } from '../types/fields.js';
import type { Host } from './host.js';
import { hashedPidFields, pidNumberFields } from './structs.js';
import { PID_LIMIT } from './tasks.js';

/** The number of a struct pid in the initial namespace, also if its thread has exited. Throws `DumpError`. */
export function pidNumber({ memory, types }: Host, address: bigint): number {
  const { pid, upid } = resolve(types, { pid: hashedPidFields, upid: pidNumberFields });
  const place = address + BigInt(pid.numbers.offset + upid.number.offset);
  const bytes = readOf(memory, place, 4, 'struct pid');
  const number = bytes.u32(0);
  if (number === 0 || number >= PID_LIMIT) throw bytes.error(0, `${number} is not a pid`);
  return number;
}
