// SPDX-License-Identifier: Apache-2.0

/** Format of page tables: number of levels, and bits of an entry. */
export interface PagingForm {
  readonly levels: 4 | 5;
  /** Bits of an entry's upper word that belong to the address: 32 to 51, without the memory encryption bit. */
  readonly addressHigh: number;
  /**
   * The highest of these bits. It is set in an entry that is not present if the frame is stored inverted (L1TF
   * mitigation, asm/pgtable-invert.h; Linux commit 6b28baca9b1f ("x86/speculation/l1tf: Protect PROT_NONE PTEs against
   * speculation") (in v4.19, widely backported)): no machine has memory at 2^50 and above.
   */
  readonly topHigh: number;
}

/** The form of x86-64 page tables. `smeMask` is the mask of AMD's memory encryption bit in entries; 0 if not in use. */
export function x86Form(levels: 4 | 5, smeMask = 0n): PagingForm {
  const addressHigh = Number((0xfffff_00000000n & ~smeMask) >> 32n);
  return { levels, addressHigh, topHigh: (addressHigh & 0x80000) !== 0 ? 0x80000 : 0x40000 };
}

/** Names of the tables by level, 0 being the lowest. With 4 levels, the P4D is folded into the PGD. */
export const levelNames = (levels: 4 | 5): readonly string[] =>
  levels === 5 ? ['PTE', 'PMD', 'PUD', 'P4D', 'PGD'] : ['PTE', 'PMD', 'PUD', 'PGD'];

/** Bits in the lower word of an entry (arch/x86/include/asm/pgtable_types.h). */
export const PRESENT = 0x1;
export const ACCESSED = 0x20;
export const DIRTY = 0x40;
/** In the upper word of an entry: the processor does not execute what it leads to. */
export const NX_HIGH = 0x80000000;
/** In a PMD or PUD entry: it is a leaf. */
export const PSE = 0x80;
/** If PRESENT is clear: PROT_NONE, the page is in memory (_PAGE_BIT_PROTNONE is _PAGE_BIT_GLOBAL). */
export const PROTNONE = 0x100;
