// SPDX-License-Identifier: Apache-2.0
import { ACCESSED, DIRTY, type PagingForm, PRESENT, PROTNONE, PSE } from './form.js';

/** How a walk ended. */
export const Walk = {
  /** At a leaf; PROT_NONE leaves included, their page is in memory. */
  Mapped: 0,
  /** At an entry of zero. */
  Empty: 1,
  /** At an entry that is not present and not zero: what it means is for the kernel's layer to say. */
  Special: 2,
  /** The next table is not in the dump. */
  TableMissing: 3,
  /** At an entry that can't be: a leaf above 1 GiB, or garbage in place of a table. */
  Bad: 4,
} as const;
export type Walk = (typeof Walk)[keyof typeof Walk];

/** The entry leads to a table: no walk ends at it. */
export const LEADS_ON = -1;

/** Bits of a leaf's address below its size but for the lowest, which is PAT: reserved, so 0 (Intel SDM 3A, table 4-16). */
const RESERVED = [0, 0x1fe000, 0x3fffe000] as const;

// Entries are two 32-bit words, signed or not. Hot loops read them signed: every int32 is a small integer of V8, which
// needs no memory where it is an argument.

/** How a walk ends at an entry of a level, or `LEADS_ON`. A leaf whose PRESENT is clear is PROT_NONE. */
export function endAt(level: number, lo: number, hi: number): Exclude<Walk, 3> | typeof LEADS_ON {
  if ((lo & PRESENT) === 0) return endNotPresent(level, lo, hi);
  if (level > 0 && (lo & PSE) === 0) return LEADS_ON;
  return level > 2 || (level > 0 && (lo & (RESERVED[level] as number)) !== 0) ? Walk.Bad : Walk.Mapped;
}

/**
 * pte_present takes PROT_NONE, pmd_present that and PSE (a huge page being split), huge_pte_present of a 1 GiB
 * hugetlb page PROT_NONE (arch/x86/include/asm/pgtable.h, mm/hugetlb.c). An erratum may set A and D in zero entries.
 */
function endNotPresent(level: number, lo: number, hi: number): Exclude<Walk, 3> {
  if (hi === 0 && (lo & ~(ACCESSED | DIRTY)) === 0) return Walk.Empty;
  if (level > 2) return Walk.Bad;
  const present = level === 0 ? PROTNONE : level === 1 ? PSE : PROTNONE | PSE;
  if ((lo & present) === present) return Walk.Mapped;
  return (lo & (PROTNONE | PSE)) === 0 ? Walk.Special : Walk.Bad;
}

/** Frame of the table that an entry leads to. */
export function tableFrame(lo: number, hi: number, form: PagingForm): number {
  return (hi & form.addressHigh) * 0x100000 + (lo >>> 12);
}

/** First frame of a leaf. */
export function leafFrame(level: number, lo: number, hi: number, form: PagingForm): number {
  const turn = (lo & PRESENT) === 0 && (hi & form.topHigh) !== 0 ? -1 : 0;
  const frame = ((hi ^ turn) & form.addressHigh) * 0x100000 + ((lo ^ turn) >>> 12);
  // The low frame bits of a large leaf hold flags (PAT), so they are cut.
  return level === 0 ? frame : frame - (frame % 512 ** level);
}
