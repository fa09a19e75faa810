// SPDX-License-Identifier: Apache-2.0
import { readOf } from '../core/memory.js';
import { pointerAt } from '../kernel/containers/pointer.js';
import type { Host } from '../kernel/host.js';
import type { Swap } from '../kernel/swap.js';
import { resolve } from '../types/fields.js';
import { swapZerosFields } from './structs.js';
import type { SwapPosition } from './swap-entries.js';
import { tableEntries } from './swap-slots.js';

/** In the entry of a table (mm/swap_table.h). */
const ZEROS = 1n << 59n;

/**
 * Whether the page at a place in swap consists of zeros, which is only noted: in a bitmap of the swap area since Linux commit
 * 0ca0c24e3211 ("mm: store zero pages to be swapped out in a bitmap") (in v6.12), in the table of the cluster since d9ceded101a1
 * ("mm, swap: merge zeromap into swap table") (seen in 7.2). Throws `DumpError` if it can't be read.
 */
export function isZeros(host: Host, swap: Swap, position: SwapPosition): boolean {
  const { zeros } = resolve(host.types, { area: swapZerosFields }).area;
  if (zeros === null) {
    const entry = tableEntries(host, swap, position, 1)?.[0] ?? 0n;
    // Only an entry of a page that is in the swap cache or was there has flags.
    return ((entry & 1n) === 1n || (entry & 3n) === 2n) && (entry & ZEROS) !== 0n;
  }
  const area = swap.infoOf(position.type);
  if (area === null) return false;
  const map = pointerAt(host.memory, area + BigInt(zeros.offset), 'swap_info_struct');
  if (map === 0n) return false;
  const byte = readOf(host.memory, map + BigInt(Math.floor(position.offset / 8)), 1, 'zeromap').u8(0);
  return ((byte >> (position.offset % 8)) & 1) === 1;
}
