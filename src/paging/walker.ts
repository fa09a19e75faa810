// SPDX-License-Identifier: Apache-2.0
import type { Pfn, Vpn } from '../core/address.js';
import type { FrameSource } from '../core/memory.js';
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

const NOTHING = -1;

/** Bits of a leaf's address below its size but for the lowest, which is PAT: reserved, so 0 (Intel SDM 3A, table 4-16). */
const RESERVED = [0, 0x1fe000, 0x3fffe000] as const;

/**
 * Walks x86-64 page tables of 4 or 5 levels. One object serves many walks: the answer stands in its fields until the
 * next one, and each level's last table is kept, so that neighbouring pages cost one entry each.
 */
export class PageWalker {
  /** Mapped: the page's frame. Otherwise: the frame of the table at `level`, or of the missing one. */
  frame = 0 as Pfn;
  /** Level where the walk ended; 0 is the PTE. */
  level = 0;
  /** The leaf was PROT_NONE (or being split): present in memory, marked not present. */
  protNone = false;
  /** Raw entries and the frames of the tables they stand in, by level, from `top` down to `level`. */
  readonly lo = new Uint32Array(5);
  readonly hi = new Uint32Array(5);
  readonly tables = new Float64Array(5);
  readonly top: number;

  readonly #memory: FrameSource;
  readonly #form: PagingForm;
  readonly #views: (DataView | null)[] = [null, null, null, null, null];
  /** The 512 pages that the last walk's lowest table covers, as page / 512; NOTHING: not known. */
  #group = NOTHING;
  #root = NOTHING as Pfn;
  #status: Walk = Walk.Empty;

  constructor(memory: FrameSource, form: PagingForm) {
    this.#memory = memory;
    this.#form = form;
    this.top = form.levels - 1;
    this.tables.fill(NOTHING);
  }

  /** `root` is the frame of the top table. */
  walk(root: Pfn, page: Vpn): Walk {
    const group = Math.floor(page / 512);
    if (group === this.#group && root === this.#root) return this.#again(page);
    // A table that can't be read may throw: nothing of this walk must be taken for known then.
    this.#group = NOTHING;
    this.#status = this.#descend(this.top, root, page);
    this.#group = group;
    this.#root = root;
    return this.#status;
  }

  /** Address in bytes of the entry that was read at a level. */
  entryAddress(level: number, page: Vpn): number {
    return (this.tables[level] as number) * 4096 + (Math.floor(page / 512 ** level) % 512) * 8;
  }

  /** Another page of the same 512: only the lowest entry can differ. */
  #again(page: Vpn): Walk {
    if (this.level === 0 && this.#status !== Walk.TableMissing) {
      this.#status = this.#descend(0, this.tables[0] as Pfn, page);
    } else if (this.#status === Walk.Mapped) {
      const pages = 512 ** this.level;
      this.frame = (this.frame - (this.frame % pages) + (page % pages)) as Pfn;
    }
    return this.#status;
  }

  #descend(from: number, table: Pfn, page: Vpn): Walk {
    // 2^27 is three 9-bit indices: one division leaves two halves that fit 32-bit arithmetic.
    const high = Math.floor(page / 0x8000000);
    const low = page % 0x8000000;
    this.frame = table;
    for (let level = from; ; level--) {
      this.level = level;
      const view = this.#table(level);
      if (view === null) return Walk.TableMissing;
      const index = (level >= 3 ? high >>> (9 * (level - 3)) : low >>> (9 * level)) & 511;
      const lo = view.getUint32(index * 8, true);
      const hi = view.getUint32(index * 8 + 4, true);
      this.lo[level] = lo;
      this.hi[level] = hi;
      if ((lo & PRESENT) === 0) return this.#notPresent(level, lo, hi, page);
      if (level > 0 && (lo & PSE) === 0) {
        this.frame = ((hi & this.#form.addressHigh) * 0x100000 + (lo >>> 12)) as Pfn;
        continue;
      }
      if (level > 2 || (lo & (RESERVED[level] as number)) !== 0) return Walk.Bad;
      return this.#leaf(level, lo, hi, page, false);
    }
  }

  /** The table at `frame`; the one read last at this level is at hand. */
  #table(level: number): DataView | null {
    if (this.tables[level] === this.frame) return this.#views[level] as DataView | null;
    this.tables[level] = NOTHING;
    const view = this.#memory.frame(this.frame);
    this.tables[level] = this.frame;
    this.#views[level] = view;
    return view;
  }

  #leaf(level: number, lo: number, hi: number, page: Vpn, protNone: boolean): Walk {
    const frame = (hi & this.#form.addressHigh) * 0x100000 + (lo >>> 12);
    const pages = 512 ** level;
    // The low frame bits of a large leaf hold flags (PAT), so they are cut.
    this.frame = (frame - (frame % pages) + (page % pages)) as Pfn;
    this.protNone = protNone;
    return Walk.Mapped;
  }

  /**
   * pte_present takes PROT_NONE, pmd_present that and PSE (a huge page being split), huge_pte_present of a 1 GiB
   * hugetlb page PROT_NONE (arch/x86/include/asm/pgtable.h, mm/hugetlb.c). An erratum may set A and D in zero entries.
   */
  #notPresent(level: number, lo: number, hi: number, page: Vpn): Walk {
    if (hi === 0 && (lo & ~(ACCESSED | DIRTY)) === 0) return Walk.Empty;
    if (level > 2) return Walk.Bad;
    const present = level === 0 ? PROTNONE : level === 1 ? PSE : PROTNONE | PSE;
    if ((lo & present) === present) {
      const turn = (hi & this.#form.topHigh) !== 0 ? 0xffffffff : 0;
      return this.#leaf(level, (lo ^ turn) >>> 0, (hi ^ turn) >>> 0, page, true);
    }
    return (lo & (PROTNONE | PSE)) === 0 ? Walk.Special : Walk.Bad;
  }
}
