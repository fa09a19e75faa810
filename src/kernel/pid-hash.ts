// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import { resolve } from '../types/fields.js';
import { hlistNodes } from './containers/hlist.js';
import { pointerAt } from './containers/pointer.js';
import type { Host } from './host.js';
import { hashedPidFields, upidFields } from './structs.js';

/** GOLDEN_RATIO_PRIME_64 up to 4.6, GOLDEN_RATIO_64 since (include/linux/hash.h). */
const RATIOS = [0x9e37fffffffc0001n, 0x61c8864680b583ebn];
/** Largest pidhash_shift: pidhash_init makes 2^4 to 2^12 buckets. */
const MOST_SHIFT = 12;
const LONGEST_CHAIN = 2 ** 22;

/**
 * Address of the struct pid with a number in the namespace at address `namespace`; null if there is none. For kernels
 * up to 4.14. Throws `DumpError` if the table can't be found or read.
 */
export function pidInHash(host: Host, pid: number, namespace: bigint): bigint | null {
  const { memory, symbols } = host;
  const table = symbols.get('pid_hash');
  const shiftAt = symbols.get('pidhash_shift');
  if (table === undefined || shiftAt === undefined)
    throw new DumpError("the kernel's symbols lack pid_hash and pidhash_shift", { code: 'no-symbols' });
  const shift = readOf(memory, shiftAt, 4, 'pidhash_shift').u32(0);
  if (shift < 1 || shift > MOST_SHIFT) throw new DumpError(`pidhash_shift can't be ${shift}`);
  const buckets = pointerAt(memory, table, 'pid_hash');
  const key = BigInt.asUintN(64, BigInt(pid) + namespace);
  for (const ratio of RATIOS) {
    const bucket = BigInt.asUintN(64, key * ratio) >> BigInt(64 - shift);
    const found = inChain(host, buckets + bucket * 8n, pid, namespace);
    if (found !== null) return found;
  }
  return null;
}

/** Searches a bucket, an hlist of upid.pid_chain. The upid of the initial namespace is the first in its struct pid. */
function inChain({ memory, types }: Host, head: bigint, pid: number, namespace: bigint): bigint | null {
  const { upid, pids } = resolve(types, { upid: upidFields, pids: hashedPidFields });
  for (const node of hlistNodes(memory, head, LONGEST_CHAIN, 'pid_hash')) {
    const address = node - BigInt(upid.chain.offset);
    const record = readOf(memory, address, upid.bytes, 'struct upid');
    if (record.u32(upid.number.offset) === pid && record.u64(upid.namespace.offset) === namespace)
      return address - BigInt(pids.numbers.offset);
  }
  return null;
}
