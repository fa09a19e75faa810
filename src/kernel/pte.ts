// SPDX-License-Identifier: Apache-2.0
import type { Swap, SwapKind } from './swap.js';

/** A swap entry of a page table: not present, not PROT_NONE, not zero. */
export interface SwapEntry {
  readonly type: number;
  /** Pages from the start of the swap area, or a frame, or marker bits: as the type says. */
  readonly offset: number;
}

/**
 * Type and offset of an entry since the L1TF fix: type in bits 59 to 63, offset inverted in bits 9 to 58
 * (arch/x86/include/asm/pgtable_64.h; Linux commit bcd11afa7ada ("x86/speculation/l1tf: Change order of offset/type
 * in swap entry") and 2f22b4cd45b6 ("x86/speculation/l1tf: Protect swap entries against L1TF") (in v4.18.1, v4.19)).
 */
export function swapEntry(lo: number, hi: number): SwapEntry {
  const type = hi >>> 27;
  // The offset's 50 bits: 27 of the upper word, 23 of the lower one.
  const offset = (~hi & 0x7ffffff) * 0x800000 + (~lo >>> 9);
  return { type, offset };
}

/** What a special entry means for the page: its kind, and the frame where it names one. */
export interface EntryMeaning {
  readonly kind: SwapKind;
  readonly entry: SwapEntry;
  readonly frame: number | null;
}

const NAMES_A_FRAME: ReadonlySet<SwapKind> = new Set(['hwpoison', 'migration', 'device-private', 'device-exclusive']);

/**
 * `frameBits`: bits of an offset that are a frame (SWP_PFN_BITS, MAX_PHYSMEM_BITS - 12); above them migration entries
 * keep the accessed and dirty bits since 6.1 (include/linux/swapops.h).
 */
export function meaningOf(lo: number, hi: number, swap: Swap, frameBits: number): EntryMeaning {
  const entry = swapEntry(lo, hi);
  const kind = swap.kindOf(entry.type, entry.offset);
  return { kind, entry, frame: NAMES_A_FRAME.has(kind) ? entry.offset % 2 ** frameBits : null };
}
