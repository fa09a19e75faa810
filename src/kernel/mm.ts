// SPDX-License-Identifier: Apache-2.0
import type { Pfn } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import { LazyBytes } from '../core/lazy-bytes.js';
import { unreadableError } from '../core/memory.js';
import { resolve } from '../types/fields.js';
import type { Host } from './host.js';
import { mmFields } from './structs.js';

/** The address space of a process. */
export interface Mm {
  /** Address of the mm_struct. */
  readonly address: bigint;
  /** Frame of the top page table. */
  readonly root: Pfn;
  /** mm_users: 0 once all processes that used it have exited; then the user half of the top table is empty. */
  readonly users: number;
}

/**
 * Reads the mm_struct at an address. With KPTI, its pgd is the kernel's of the two tables, which maps user memory too
 * (arch/x86/mm/pti.c). Throws `DumpError` if it can't be read, or is damaged.
 */
export function readMm(host: Host, address: bigint): Mm {
  const { mm } = resolve(host.types, { mm: mmFields });
  const bytes = LazyBytes.of(host.memory, address, mm.bytes, 'mm_struct');
  const pgd = bytes.u64(mm.pgd.offset);
  const root = host.memory.frameOf(pgd);
  if (typeof root !== 'number') throw unreadableError(root, pgd, `page tables of mm 0x${address.toString(16)}`);
  if ((pgd & 0xfffn) !== 0n)
    throw new DumpError(`mm_struct at 0x${address.toString(16)}: pgd 0x${pgd.toString(16)} is not page-aligned`);
  return { address, root, users: bytes.u32(mm.users.offset) };
}
