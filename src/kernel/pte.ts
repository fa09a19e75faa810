// SPDX-License-Identifier: Apache-2.0
import { DIRTY } from '../paging/form.js';
import type { Swap } from './swap.js';
import type { SwapKind } from './swap-kinds.js';

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
function invertedEntry(lo: number, hi: number): SwapEntry {
  const type = hi >>> 27;
  // The offset's 50 bits: 27 of the upper word, 23 of the lower one.
  const offset = (~hi & 0x7ffffff) * 0x800000 + (~lo >>> 9);
  return { type, offset };
}

/** Bit 58: the highest of an offset, which no swap area and no frame reaches. Inverted it is set. */
const TOP_OF_OFFSET = 1 << 26;

/**
 * Type and offset of an entry as this kernel writes them. Before the L1TF fix offsets stood as they are: type in bits 1
 * to 5 and offset from bit 9 on (2.6.32 to 4.7), or, `late`, type in bits 9 to 13 and offset from 14 on (Linux commit
 * 00839ee3b299 ("x86/mm: Move swap offset/type up in PTE to work around erratum") (in v4.8)).
 */
export function swapEntry(lo: number, hi: number, late: boolean): SwapEntry {
  if ((hi & TOP_OF_OFFSET) !== 0) return invertedEntry(lo, hi);
  return late
    ? { type: (lo >>> 9) & 31, offset: hi * 0x40000 + (lo >>> 14) }
    : { type: (lo >>> 1) & 31, offset: hi * 0x800000 + (lo >>> 9) };
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
  const entry = swapEntry(lo, hi, swap.late === true);
  // Without the fix bit 6 marks a place in a file that is mapped piece by piece, up to 4.0 (_PAGE_BIT_FILE).
  const isOld = (hi & TOP_OF_OFFSET) === 0;
  const isNone = isOld && ((lo & DIRTY) !== 0 || swap.late === null);
  const kind = isNone ? 'unknown' : swap.kindOf(entry.type, entry.offset);
  return { kind, entry, frame: NAMES_A_FRAME.has(kind) ? entry.offset % 2 ** frameBits : null };
}
