// SPDX-License-Identifier: Apache-2.0
// The bits of page->flags, and those of /proc/kpageflags (include/uapi/linux/kernel-page-flags.h).
import { DumpError } from '../core/errors.js';
import type { Host } from '../kernel/host.js';
import { pageFlags } from '../kernel/structs.js';
import { valuesOf } from '../types/fields.js';

/** Bits 0 to 31 of kpageflags that are computed from more than one flag. */
export const KPF = {
  slab: 1 << 7,
  buddy: 1 << 10,
  mmap: 1 << 11,
  anonymous: 1 << 12,
  swapcache: 1 << 13,
  head: 1 << 15,
  tail: 1 << 16,
  huge: 1 << 17,
  hwpoison: 1 << 19,
  nopage: 1 << 20,
  ksm: 1 << 21,
  thp: 1 << 22,
  offline: 1 << 23,
  zero: 1 << 24,
  idle: 1 << 25,
  table: 1 << 26,
} as const;

/** Flags that are copied to kpageflags as they are: the number of the bit there, and the name of the flag. */
const COPIED: readonly (readonly [number, readonly string[]])[] = [
  [0, ['PG_locked']],
  [1, ['PG_error']],
  [2, ['PG_referenced']],
  [3, ['PG_uptodate']],
  [4, ['PG_dirty']],
  [5, ['PG_lru']],
  [6, ['PG_active']],
  [8, ['PG_writeback']],
  [9, ['PG_reclaim']],
  [14, ['PG_swapbacked']],
  [18, ['PG_unevictable']],
  [32, ['PG_reserved']],
  [33, ['PG_mlocked']],
  [34, ['PG_owner_2', 'PG_mappedtodisk']],
  [35, ['PG_private']],
  [36, ['PG_private_2']],
  [37, ['PG_owner_priv_1']],
  [38, ['PG_arch_1', 'PG_arch']],
  [39, ['PG_uncached']],
  [41, ['PG_arch_2']],
  [42, ['PG_arch_3']],
];

/** Names of the bits, as tools/mm/page-types.c of the kernel has them. Bit 34 depends on the kernel and the page. */
const NAMES: Readonly<Record<number, string>> = {
  0: 'locked',
  1: 'error',
  2: 'referenced',
  3: 'uptodate',
  4: 'dirty',
  5: 'lru',
  6: 'active',
  7: 'slab',
  8: 'writeback',
  9: 'reclaim',
  10: 'buddy',
  11: 'mmap',
  12: 'anonymous',
  13: 'swapcache',
  14: 'swapbacked',
  15: 'compound_head',
  16: 'compound_tail',
  17: 'huge',
  18: 'unevictable',
  19: 'hwpoison',
  20: 'nopage',
  21: 'ksm',
  22: 'thp',
  23: 'offline',
  24: 'zero_page',
  25: 'idle_page',
  26: 'pgtable',
  32: 'reserved',
  33: 'mlocked',
  35: 'private',
  36: 'private_2',
  37: 'owner_private',
  38: 'arch',
  39: 'uncached',
  41: 'arch_2',
  42: 'arch_3',
};
const OWNER = 34;

/** Masks in the lower 32 bits of page->flags; 0 for a flag that the kernel does not have. */
export class FlagBits {
  readonly head: number;
  readonly tail: number;
  readonly lru: number;
  readonly slab: number;
  readonly reserved: number;
  readonly swapBacked: number;
  readonly swapCache: number;
  readonly hwpoison: number;
  readonly idle: number;
  readonly buddy: number;
  readonly hugetlb: number;
  readonly doubleMap: number;
  readonly largeRmappable: number;
  /** Whether bit 34 of kpageflags means anon_exclusive on anonymous pages. */
  readonly #isExclusive: boolean;
  readonly #ownerName: string;
  /** For each flag that is copied: its bit in page->flags, and that in kpageflags. */
  readonly #from: Uint8Array;
  readonly #to: Uint8Array;
  readonly #names = new Map<number, readonly string[]>();

  constructor(readonly values: ReadonlyMap<string, number>) {
    this.head = this.mask('PG_head');
    this.tail = this.mask('PG_tail');
    this.lru = this.mask('PG_lru');
    this.slab = this.mask('PG_slab');
    this.reserved = this.mask('PG_reserved');
    this.swapBacked = this.mask('PG_swapbacked');
    this.swapCache = this.mask('PG_swapcache');
    this.hwpoison = this.mask('PG_hwpoison');
    this.idle = this.mask('PG_idle');
    this.buddy = this.mask('PG_buddy');
    this.hugetlb = this.mask('PG_hugetlb');
    this.doubleMap = this.mask('PG_double_map');
    this.largeRmappable = this.mask('PG_large_rmappable');
    const copied = COPIED.flatMap(([to, names]) => {
      const from = names.map((name) => values.get(name)).find((bit) => bit !== undefined);
      return from === undefined ? [] : [[from, to] as const];
    });
    this.#from = Uint8Array.from(copied, ([from]) => from);
    this.#to = Uint8Array.from(copied, ([, to]) => to);
    const owner = values.get('PG_owner_2') ?? values.get('PG_mappedtodisk');
    this.#isExclusive = owner !== undefined && values.get('PG_anon_exclusive') === owner;
    this.#ownerName = values.has('PG_owner_2') ? 'owner_2' : 'mappedtodisk';
  }

  /** The mask of a flag; 0 if the kernel does not have it. */
  mask(name: string): number {
    const bit = this.values.get(name);
    return bit === undefined || bit > 31 ? 0 : 1 << bit;
  }

  /** The lower bits of kpageflags that are copied from page->flags. */
  copiedLow(flags: number): number {
    let copied = 0;
    for (let i = 0; i < this.#from.length; i++)
      if ((this.#to[i] as number) < 32)
        copied |= ((flags >>> (this.#from[i] as number)) & 1) << (this.#to[i] as number);
    return copied;
  }

  /** The upper bits, from bit 32 on. */
  copiedHigh(flags: number): number {
    let copied = 0;
    for (let i = 0; i < this.#from.length; i++)
      if ((this.#to[i] as number) >= 32)
        copied |= ((flags >>> (this.#from[i] as number)) & 1) << ((this.#to[i] as number) - 32);
    return copied;
  }

  /** Names of the bits of kpageflags. The same array for the same bits. */
  namesOf(high: number, low: number): readonly string[] {
    const key = high * 0x100000000 + (low >>> 0);
    let names = this.#names.get(key);
    if (names === undefined) {
      names = this.#namesOf(high, low);
      this.#names.set(key, names);
    }
    return names;
  }

  #namesOf(high: number, low: number): readonly string[] {
    const names: string[] = [];
    for (let bit = 0; bit < 64; bit++) {
      if ((((bit < 32 ? low : high) >>> (bit & 31)) & 1) === 0) continue;
      const isAnonymous = (low & KPF.anonymous) !== 0;
      names.push(
        bit === OWNER
          ? this.#isExclusive && isAnonymous
            ? 'anon_exclusive'
            : this.#ownerName
          : (NAMES[bit] ?? `bit_${bit}`),
      );
    }
    return names;
  }
}

/** The flags of a kernel. Throws `DumpError` if its types don't have them: their numbers differ between kernels. */
export function flagBitsOf({ types }: Host): FlagBits {
  const values = valuesOf(types, pageFlags);
  if (values !== null) return new FlagBits(values);
  throw new DumpError(`type information (${types.source}) lacks enum pageflags`, {
    code: 'no-types',
    hint: 'this kernel needs another source of types',
  });
}
