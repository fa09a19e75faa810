// SPDX-License-Identifier: Apache-2.0
import { DIRTY } from '../paging/form.js';
import type { Swap } from './swap.js';
import type { SwapKind } from './swap-kinds.js';

/** A page-table entry in the form of a swap entry: not present, not PROT_NONE, not zero. */
export interface SwapEntry {
  readonly type: number;
  /** Depending on the type: a page of the swap area, a frame, or marker bits. */
  readonly offset: number;
}

/**
 * Decodes an entry as written since the L1TF fix: type in bits 59 to 63, offset inverted in bits 9 to 58
 * (arch/x86/include/asm/pgtable_64.h; Linux commit bcd11afa7ada ("x86/speculation/l1tf: Change order of offset/type
 * in swap entry") and 2f22b4cd45b6 ("x86/speculation/l1tf: Protect swap entries against L1TF") (in v4.18.1, v4.19)).
 */
function invertedEntry(lo: number, hi: number): SwapEntry {
  const type = hi >>> 27;
  // The 50 bits of the offset: 27 from the upper word, 23 from the lower one.
  const offset = (~hi & 0x7ffffff) * 0x800000 + (~lo >>> 9);
  return { type, offset };
}

/** Bit 58, the highest bit of an offset, which no swap area or frame reaches. If the offset is inverted, it is set. */
const TOP_OF_OFFSET = 1 << 26;

/**
 * Decodes an entry in the form that its kernel uses. Before the L1TF fix, offsets are not inverted: type in bits 1 to 5
 * and offset from bit 9 on (2.6.32 to 4.7); or, if `late`, type in bits 9 to 13 and offset from bit 14 on (Linux commit
 * 00839ee3b299 ("x86/mm: Move swap offset/type up in PTE to work around erratum") (in v4.8)).
 */
export function swapEntry(lo: number, hi: number, late: boolean): SwapEntry {
  if ((hi & TOP_OF_OFFSET) !== 0) return invertedEntry(lo, hi);
  return late
    ? { type: (lo >>> 9) & 31, offset: (hi >>> 0) * 0x40000 + (lo >>> 14) }
    : { type: (lo >>> 1) & 31, offset: (hi >>> 0) * 0x800000 + (lo >>> 9) };
}

/** Meaning of a special entry: its kind, and its frame, or null if entries of this kind have none. */
export interface EntryMeaning {
  readonly kind: SwapKind;
  readonly entry: SwapEntry;
  readonly frame: number | null;
}

const NAMES_A_FRAME: ReadonlySet<SwapKind> = new Set(['hwpoison', 'migration', 'device-private', 'device-exclusive']);

/**
 * The meaning of a special entry. `frameBits`: number of bits in an offset that are a frame (SWP_PFN_BITS,
 * MAX_PHYSMEM_BITS - 12). Since 6.1, migration entries have the accessed and dirty bits above them
 * (include/linux/swapops.h).
 */
export function meaningOf(lo: number, hi: number, swap: Swap, frameBits: number): EntryMeaning {
  const entry = swapEntry(lo, hi, swap.late === true);
  // Without the fix, bit 6 marks an entry of a nonlinear file mapping, up to 4.0 (_PAGE_BIT_FILE).
  const isOld = (hi & TOP_OF_OFFSET) === 0;
  const isNone = isOld && ((lo & DIRTY) !== 0 || swap.late === null);
  const kind = isNone ? 'unknown' : swap.kindOf(entry.type, entry.offset);
  return { kind, entry, frame: NAMES_A_FRAME.has(kind) ? entry.offset % 2 ** frameBits : null };
}
