// SPDX-License-Identifier: Apache-2.0
import { orNull } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import type { Host } from '../kernel/host.js';
import type { MemMap } from './memmap.js';

/** Frames of the zero page and of the first page of the huge zero page; -1 for one that the kernel does not have now. */
export interface ZeroPages {
  readonly small: number;
  readonly huge: number;
}

/** The zero pages of a kernel (is_zero_pfn, is_huge_zero_page). */
export function zeroPagesOf(host: Host, map: MemMap): ZeroPages {
  const { symbols, memory } = host;
  const first = symbols.get('empty_zero_page');
  const frame = first === undefined ? null : memory.frameOf(first);
  const small =
    numberIn(host, 'zero_page_pfn') ?? numberIn(host, 'zero_pfn') ?? (typeof frame === 'number' ? frame : -1);
  // A number since v5.14, before that a pointer to its struct page.
  const huge =
    numberIn(host, 'huge_zero_pfn') ?? pageOf(host, map, 'huge_zero_folio') ?? pageOf(host, map, 'huge_zero_page');
  return { small, huge: huge ?? -1 };
}

/** The frame number in a variable; -1 if it is none; null if the kernel does not have the variable. */
function numberIn({ symbols, memory }: Host, name: string): number | null {
  const at = symbols.get(name);
  const value = at === undefined ? null : orNull(() => readOf(memory, at, 8, name).u64(0));
  if (value === null) return null;
  return value < 1n << 40n ? Number(value) : -1;
}

/** The frame of the struct page to which a variable points. */
function pageOf({ symbols, memory }: Host, map: MemMap, name: string): number | null {
  const at = symbols.get(name);
  if (at === undefined) return null;
  return orNull(() => map.frameOf(readOf(memory, at, 8, name).u64(0)));
}
