// SPDX-License-Identifier: Apache-2.0
// Page tables as the processor reads them (Intel SDM 3A, chapter 4): those of a guest, whatever its kernel.

/** Kinds of page tables; 'none' if the guest has not switched paging on. */
export const PAGING_MODES = ['none', '32-bit', 'pae', '4-level', '5-level'] as const;
export type PagingMode = (typeof PAGING_MODES)[number];

/** How a processor translates linear addresses. */
export interface Paging {
  readonly mode: PagingMode;
  /** Physical address of the top table, in bytes. */
  readonly root: number;
  /** Whether entries of a 32-bit page directory can map 4 MiB (CR4.PSE). */
  readonly hasLargePages: boolean;
}

/** A table of a mode. */
export interface TableForm {
  readonly name: string;
  /** Pages that an entry maps. */
  readonly pages: number;
  readonly entries: number;
  /** Whether an entry can be a leaf: 'always', only with its bit PS, or 'never'. */
  readonly leaf: 'always' | 'size' | 'never';
}

const table = (name: string, pages: number, leaf: TableForm['leaf'], entries = 512): TableForm => ({
  name,
  pages,
  entries,
  leaf,
});
const LONG = [
  table('PML4', 2 ** 27, 'never'),
  table('PDPT', 2 ** 18, 'size'),
  table('PD', 512, 'size'),
  table('PT', 1, 'always'),
];
/** The tables of each mode, from the top down. */
export const TABLES: Readonly<Record<PagingMode, readonly TableForm[]>> = {
  none: [],
  '32-bit': [table('PD', 1024, 'size', 1024), table('PT', 1, 'always', 1024)],
  pae: [table('PDPT', 2 ** 18, 'never', 4), table('PD', 512, 'size'), table('PT', 1, 'always')],
  '4-level': LONG,
  '5-level': [table('PML5', 2 ** 36, 'never'), ...LONG],
};

const CR0_PG = 1n << 31n;
const CR4_PSE = 1n << 4n;
const CR4_PAE = 1n << 5n;
const CR4_LA57 = 1n << 12n;
const EFER_LMA = 1n << 10n;
/** Bits of CR3 that are an address, by mode. */
const ROOT: Readonly<Record<PagingMode, bigint>> = {
  none: 0n,
  '32-bit': 0xffff_f000n,
  pae: 0xffff_ffe0n,
  '4-level': 0xf_ffff_ffff_f000n,
  '5-level': 0xf_ffff_ffff_f000n,
};

/** The paging of a processor with these control registers. */
export function pagingOf(registers: {
  readonly cr0: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
}): Paging {
  const { cr0, cr3, cr4, efer } = registers;
  const mode = modeOf(cr0, cr4, efer);
  return { mode, root: Number(cr3 & ROOT[mode]), hasLargePages: (cr4 & CR4_PSE) !== 0n };
}

function modeOf(cr0: bigint, cr4: bigint, efer: bigint): PagingMode {
  if ((cr0 & CR0_PG) === 0n) return 'none';
  if ((efer & EFER_LMA) !== 0n) return (cr4 & CR4_LA57) === 0n ? '4-level' : '5-level';
  return (cr4 & CR4_PAE) === 0n ? '32-bit' : 'pae';
}

/** Pages of the lower half of the addresses in 64-bit modes; the upper half has as many. */
const HALF: Readonly<Partial<Record<PagingMode, number>>> = { '4-level': 2 ** 35, '5-level': 2 ** 44 };
const ALL = 2 ** 52;
const OF_32_BITS = 2 ** 20;

/** Whether a page number is one of a linear address of a mode. */
export function isLinear(mode: PagingMode, page: number): boolean {
  const half = HALF[mode];
  return half === undefined ? page < OF_32_BITS : page < half || (page >= ALL - half && page < ALL);
}

/** The first page after `page` that differs from it: one of the two is a page of a linear address of the mode, the other is not. */
export function linearEnd(mode: PagingMode, page: number): number {
  const half = HALF[mode];
  const ends = half === undefined ? [OF_32_BITS] : [half, ALL - half, ALL];
  return ends.find((end) => page < end) ?? Number.POSITIVE_INFINITY;
}
