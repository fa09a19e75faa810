// SPDX-License-Identifier: Apache-2.0
// The tables that translate a guest's physical addresses for the processor: nested page tables (AMD APM 2, 15.25) and
// extended page tables (Intel SDM 3C, 29.3), as KVM fills them.
import { type Pfn, pfn } from '../core/address.js';
import type { FrameSource } from '../core/memory.js';

/** How entries differ. */
export interface SecondLevelForm {
  readonly name: 'NPT' | 'EPT';
  /** Whether an entry is there: KVM has others, for device memory (MMIO) and for entries that it changes. */
  readonly isPresent: (lo: number, hi: number) => boolean;
}

const PRESENT = 1;
const RIGHTS = 7;
/** EPT: writable and executable, but not readable: KVM's mark of MMIO. */
const MISCONFIGURED = 6;
const LEAF = 0x80;
/** Bits 51 and 50, in the upper word. */
const BIT_51 = 0x80000;
const BIT_50 = 0x40000;

/**
 * Entries on AMD's processors. KVM marks MMIO with bit 51 (arch/x86/kvm/mmu/spte.c). If that bit is the one of memory
 * encryption, which is not in `addressHigh`, the mark has the other bits that no address has, too (svm_adjust_mmio_mask).
 */
export function npt(addressHigh: number): SecondLevelForm {
  const mark = (addressHigh & BIT_51) === 0 ? BIT_50 : BIT_51;
  return { name: 'NPT', isPresent: (lo, hi) => (lo & PRESENT) !== 0 && (hi & mark) === 0 };
}
export const EPT: SecondLevelForm = {
  name: 'EPT',
  isPresent: (lo) => (lo & RIGHTS) !== 0 && (lo & RIGHTS) !== MISCONFIGURED,
};

/** Pages that a leaf maps. */
export interface Leaf {
  /** First page of the guest. */
  readonly page: number;
  readonly pages: number;
  /** Frame of the machine that the first page is in. */
  readonly frame: Pfn;
  /** 1 for 4 KiB, 2 for 2 MiB, 3 for 1 GiB (PG_LEVEL_...). */
  readonly level: number;
}

/** A table that is not in the dump, or that can't be one. */
export interface LostTable {
  readonly frame: Pfn;
  readonly level: number;
  /** First page of the guest that it translates. */
  readonly page: number;
  readonly isLoop: boolean;
}

/** The largest leaf is one of level 3. */
const LARGEST = 3;

/** Reads tables. */
export class SecondLevel {
  readonly #frames: FrameSource;
  readonly #form: SecondLevelForm;
  readonly #addressHigh: number;

  /** `addressHigh`: bits of the upper word of an entry that belong to the address. */
  constructor(frames: FrameSource, form: SecondLevelForm, addressHigh: number) {
    this.#frames = frames;
    this.#form = form;
    this.#addressHigh = addressHigh;
  }

  /**
   * All leaves below a root, ascending, and the tables that are missing. Each table is read once: one that is reached again
   * is damage, and is reported as lost.
   */
  *leaves(root: Pfn, levels: number): Generator<Leaf | LostTable> {
    yield* this.#leavesOf(root, levels, 0, new Set());
  }

  *#leavesOf(table: Pfn, level: number, first: number, seen: Set<number>): Generator<Leaf | LostTable> {
    const view = seen.has(table) ? null : this.#frames.frame(table);
    if (view === null) {
      yield { frame: table, level, page: first, isLoop: seen.has(table) };
      return;
    }
    seen.add(table);
    const pages = 512 ** (level - 1);
    for (let i = 0; i < 512; i++) {
      const lo = view.getInt32(i * 8, true);
      const hi = view.getInt32(i * 8 + 4, true);
      if (!this.#form.isPresent(lo, hi)) continue;
      const page = first + i * pages;
      const frame = this.#frameIn(lo, hi);
      if (this.#isLeaf(lo, level)) yield { page, pages, frame: pfn(frame - (frame % pages)), level };
      else yield* this.#leavesOf(pfn(frame), level - 1, page, seen);
    }
  }

  /** The leaf that maps a page; null if none does. */
  find(root: Pfn, levels: number, page: number): Leaf | LostTable | null {
    // The tables do not translate such an address: its upper bits are in no index.
    if (page >= 512 ** levels) return null;
    let table = root;
    for (let level = levels; ; level--) {
      const pages = 512 ** (level - 1);
      const view = this.#frames.frame(table);
      if (view === null) return { frame: table, level, page: page - (page % (pages * 512)), isLoop: false };
      const at = (Math.floor(page / pages) % 512) * 8;
      const [lo, hi] = [view.getInt32(at, true), view.getInt32(at + 4, true)];
      if (!this.#form.isPresent(lo, hi)) return null;
      const frame = this.#frameIn(lo, hi);
      if (this.#isLeaf(lo, level))
        return { page: page - (page % pages), pages, frame: pfn(frame - (frame % pages)), level };
      table = pfn(frame);
    }
  }

  #isLeaf(lo: number, level: number): boolean {
    return level === 1 || (level <= LARGEST && (lo & LEAF) !== 0);
  }

  #frameIn(lo: number, hi: number): number {
    return (hi & this.#addressHigh) * 0x100000 + (lo >>> 12);
  }
}

export const isLost = (found: Leaf | LostTable): found is LostTable => 'isLoop' in found;
