// SPDX-License-Identifier: Apache-2.0
import { ACCESSED, DIRTY, type PagingForm, PRESENT, PROTNONE, PSE } from './form.js';

/** Result of a page-table walk. */
export const Walk = {
  /** Ended at a leaf. PROT_NONE leaves are included: their page is in memory. */
  Mapped: 0,
  /** Ended at an entry that is zero. */
  Empty: 1,
  /** Ended at an entry that is neither present nor zero. kernel/pte.ts knows what it means. */
  Special: 2,
  /** The next table is not in the dump. */
  TableMissing: 3,
  /** Ended at an invalid entry: a leaf above 1 GiB, or garbage instead of a table. */
  Bad: 4,
} as const;
export type Walk = (typeof Walk)[keyof typeof Walk];

/** Result of `endAt` for an entry that points to a table: the walk goes on. */
export const LEADS_ON = -1;

/** By level, the address bits below a leaf's size: reserved, but for the lowest, PAT (Intel SDM 3A, table 4-16). */
const RESERVED = [0, 0x1fe000, 0x3fffe000] as const;

// Entries are two 32-bit words, signed or not. Hot loops read them signed: for V8 every int32 is a small integer, which
// needs no allocation when passed as an argument.

/** How a walk ends at an entry of a level (0: PTE), or `LEADS_ON`. A leaf without PRESENT is PROT_NONE. */
export function endAt(level: number, lo: number, hi: number): Exclude<Walk, 3> | typeof LEADS_ON {
  if ((lo & PRESENT) === 0) return endNotPresent(level, lo, hi);
  if (level > 0 && (lo & PSE) === 0) return LEADS_ON;
  return level > 2 || (level > 0 && (lo & (RESERVED[level] as number)) !== 0) ? Walk.Bad : Walk.Mapped;
}

/**
 * pte_present accepts PROT_NONE, pmd_present also PSE (a huge page being split), huge_pte_present of a 1 GiB hugetlb
 * page PROT_NONE (arch/x86/include/asm/pgtable.h, mm/hugetlb.c). Due to a CPU erratum, A and D may be set in an entry
 * that is otherwise zero.
 */
function endNotPresent(level: number, lo: number, hi: number): Exclude<Walk, 3> {
  if (hi === 0 && (lo & ~(ACCESSED | DIRTY)) === 0) return Walk.Empty;
  if (level > 2) return Walk.Bad;
  const present = level === 0 ? PROTNONE : level === 1 ? PSE : PROTNONE | PSE;
  if ((lo & present) === present) return Walk.Mapped;
  return (lo & (PROTNONE | PSE)) === 0 ? Walk.Special : Walk.Bad;
}

/** Frame of the table that an entry points to. */
export function tableFrame(lo: number, hi: number, form: PagingForm): number {
  return (hi & form.addressHigh) * 0x100000 + (lo >>> 12);
}

/** First frame that a leaf maps. */
export function leafFrame(level: number, lo: number, hi: number, form: PagingForm): number {
  const turn = (lo & PRESENT) === 0 && (hi & form.topHigh) !== 0 ? -1 : 0;
  const frame = ((hi ^ turn) & form.addressHigh) * 0x100000 + ((lo ^ turn) >>> 12);
  // The low frame bits of a large leaf hold flags (PAT).
  return level === 0 ? frame : frame - (frame % 512 ** level);
}
