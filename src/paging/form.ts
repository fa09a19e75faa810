// SPDX-License-Identifier: Apache-2.0

/** The shape of a set of page tables, as data. */
export interface PagingForm {
  readonly levels: 4 | 5;
  /** Bits of an entry's upper word that belong to the address: 32 to 51, without the memory encryption bit. */
  readonly addressHigh: number;
  /**
   * The highest of these bits. In an entry that is not present it tells whether the frame stands inverted (L1TF
   * mitigation, asm/pgtable-invert.h; Linux commit 6b28baca9b1f ("x86/speculation/l1tf: Protect PROT_NONE PTEs against
   * speculation") (in v4.19, widely backported)): no machine has memory at 2^50 and above.
   */
  readonly topHigh: number;
}

/** x86-64 paging; `smeMask` is the encryption bit of every entry, 0 without one. */
export function x86Form(levels: 4 | 5, smeMask = 0n): PagingForm {
  const addressHigh = Number((0xfffff_00000000n & ~smeMask) >> 32n);
  return { levels, addressHigh, topHigh: (addressHigh & 0x80000) !== 0 ? 0x80000 : 0x40000 };
}

/** Names of the tables by level, 0 the lowest. With 4 levels the P4D is folded into the PGD. */
export const levelNames = (levels: 4 | 5): readonly string[] =>
  levels === 5 ? ['PTE', 'PMD', 'PUD', 'P4D', 'PGD'] : ['PTE', 'PMD', 'PUD', 'PGD'];

/** Bits of an entry's lower word (arch/x86/include/asm/pgtable_types.h). */
export const PRESENT = 0x1;
export const ACCESSED = 0x20;
export const DIRTY = 0x40;
/** In a PMD or PUD: a leaf. */
export const PSE = 0x80;
/** With PRESENT clear: PROT_NONE, the page is there (_PAGE_BIT_PROTNONE is _PAGE_BIT_GLOBAL). */
export const PROTNONE = 0x100;
