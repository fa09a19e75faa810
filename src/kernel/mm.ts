// SPDX-License-Identifier: Apache-2.0
import type { Pfn } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import { LazyBytes } from '../core/lazy-bytes.js';
import { unreadableError } from '../core/memory.js';
import { resolve } from '../types/fields.js';
import type { Host } from './host.js';
import { mmFields } from './structs.js';

/** A process's address space. */
export interface Mm {
  readonly address: bigint;
  /** Frame of its top page table. */
  readonly root: Pfn;
  /** mm_users: 0 once every process that used it has exited; the top table's user half is empty then. */
  readonly users: number;
}

/** Reads an mm_struct. With KPTI its pgd is the kernel's of the two tables, which maps user memory too (pti.c). */
export function readMm(host: Host, address: bigint): Mm {
  const { mm } = resolve(host.types, { mm: mmFields });
  const bytes = LazyBytes.of(host.memory, address, mm.bytes, 'mm_struct');
  const pgd = bytes.u64(mm.pgd.offset);
  const root = host.memory.frameOf(pgd);
  if (typeof root !== 'number') throw unreadableError(root, pgd, `page tables of mm 0x${address.toString(16)}`);
  if ((pgd & 0xfffn) !== 0n)
    throw new DumpError(`mm_struct at 0x${address.toString(16)}: pgd 0x${pgd.toString(16)} is no page's start`);
  return { address, root, users: bytes.u32(mm.users.offset) };
}
