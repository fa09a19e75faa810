// SPDX-License-Identifier: Apache-2.0
import { readOf } from '../core/memory.js';
import { resolve } from '../types/fields.js';
import { pointerAt } from './containers/pointer.js';
import type { Host } from './host.js';
import { hstateFields, hugetlbfsFields } from './structs.js';

/** Orders of the pages of hugetlbfs on x86-64: 2 MiB and 1 GiB (arch/x86/mm/hugetlbpage.c, arch_hugetlb_valid_size). */
const ORDERS: readonly number[] = [9, 18];

/**
 * Order of the pages of a hugetlbfs (fs/hugetlbfs/inode.c, hugetlbfs_sb_info.hstate). `info`: s_fs_info of its super_block.
 * Throws `DumpError` if it can't be read, or is not one that the processor has.
 */
export function hugePageOrder({ memory, types }: Host, info: bigint): number {
  const at = resolve(types, { info: hugetlbfsFields, hstate: hstateFields });
  const hstate = pointerAt(memory, info + BigInt(at.info.hstate.offset), 'hugetlbfs_sb_info');
  const bytes = readOf(memory, hstate + BigInt(at.hstate.order.offset), 4, 'hstate');
  const order = bytes.u32(0);
  if (!ORDERS.includes(order)) throw bytes.error(0, `the order of huge pages can't be ${order}`);
  return order;
}
