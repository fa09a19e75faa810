// SPDX-License-Identifier: Apache-2.0
// What /proc/kpageflags and /proc/kpagecount say of a page, as fs/proc/page.c of the kernel computes it (stable_page_flags).
import { KPF } from './flag-bits.js';
import { hasType } from './page-types.js';
import type { PageReader } from './reader.js';

/** Low bits of page->mapping (include/linux/page-flags.h). */
const ANON = 1;
const KSM = 3;
/** Number of pages of the huge zero page. */
const HUGE_PAGES = 512;

/** The words of one page after another. */
export class KpageWords {
  /** The word of kpageflags, in two halves. */
  high = 0;
  low = 0;
  /** Mappings of the page, as in kpagecount; null if it is not known. */
  count: number | null = 0;
  /** False if the count is an average of the compound page, whose pages do not count. */
  isExact = true;

  readonly #reader: PageReader;

  constructor(reader: PageReader) {
    this.#reader = reader;
  }

  /** Sets the words of a frame that has no struct page. */
  setNone(): void {
    this.high = 0;
    this.low = KPF.nopage;
    this.count = 0;
    this.isExact = true;
  }

  /**
   * Sets the words of a page. `own` are the flags of its struct page, `word` is its _mapcount or type; the compound page must
   * have been found.
   */
  set(frame: number, own: number, word: number): void {
    this.#setFlags(frame, own, word);
    this.#setCount(word);
  }

  #setFlags(frame: number, own: number, word: number): void {
    const reader = this.#reader;
    const { bits, compound, types, free } = reader;
    const isTail = frame !== compound.head;
    const headFlags = compound.view.getUint32(compound.at + reader.layout.flags.offset, true);
    const from = reader.isFolio ? headFlags : own;
    const mapping = compound.view.getUint32(compound.at + reader.layout.mapping.offset, true) & KSM;
    const isSlab = (headFlags & bits.slab) !== 0 || hasType(compound.word, types.slab);
    let low = bits.copiedLow(from);
    if (compound.isMapped && !isSlab) low |= KPF.mmap;
    // Up to v4.4 tail pages do not say what their head is, and count their own mappings.
    const isOwn = compound.counting === 'own' && isTail;
    if (isOwn) low = word >= 0 && !isSlab ? low | KPF.mmap : low & ~KPF.mmap;
    // In slab pages the word is another member, so what the kernel says there is wrong (6.12).
    if ((mapping & ANON) !== 0 && !isOwn && !isSlab) low |= mapping === KSM ? KPF.anonymous | KPF.ksm : KPF.anonymous;
    if (isTail) low |= KPF.tail;
    else if (compound.isLarge) low |= KPF.head;
    low |= this.#hugeFlags(frame, headFlags, (mapping & ANON) !== 0);
    if (free.isBuddy(own, word) || (reader.marksAll && compound.refcount === 0 && free.isInBlock(frame)))
      low |= KPF.buddy;
    const typeWord = reader.isSnapshot ? compound.word : word;
    if (hasType(typeWord, types.offline)) low |= KPF.offline;
    if (hasType(typeWord, types.table)) low |= KPF.table;
    if (isSlab && (reader.marksAll || !isTail)) low |= KPF.slab;
    if (((reader.idleOfHead ? headFlags : own) & bits.idle) !== 0) low |= KPF.idle;
    const swap = bits.swapCache | bits.swapBacked;
    if ((headFlags & swap) === swap) low |= KPF.swapcache;
    const poisoned = reader.isFolio && (low & KPF.huge) !== 0 ? headFlags : own;
    if ((poisoned & bits.hwpoison) !== 0) low |= KPF.hwpoison;
    this.low = low >>> 0;
    this.high = bits.copiedHigh(from) >>> 0;
  }

  /** Huge pages and zero pages. */
  #hugeFlags(frame: number, headFlags: number, isAnonymous: boolean): number {
    const { compound, bits, zero, isFolio, isSnapshot } = this.#reader;
    if (compound.isLarge) {
      if (compound.isHugetlb) return KPF.huge;
      if (isFolio ? compound.isRmappable : isAnonymous || (headFlags & bits.lru) !== 0) return KPF.thp;
    }
    const whole = isSnapshot ? frame - (frame % HUGE_PAGES) : compound.head;
    if (whole === zero.huge && (compound.isLarge || isSnapshot)) return KPF.zero | KPF.thp;
    if (frame === zero.small) return KPF.zero;
    return 0;
  }

  /** The value of /proc/kpagecount (page_mapcount, folio_precise_page_mapcount). */
  #setCount(word: number): void {
    const { compound, bits, types, layout } = this.#reader;
    const { counting, isLarge, entire } = compound;
    const isTyped =
      (this.low & KPF.slab) !== 0 && !(counting === 'large') ? true : types.below !== null && word < types.below;
    const own = isTyped ? 0 : word + 1;
    this.isExact = !isLarge || compound.pagesCount;
    if (!isLarge || counting === 'own') this.count = own;
    else if (counting === 'double-map') {
      const isAnonymous = (this.low & KPF.anonymous) !== 0;
      const isDouble = (compound.tail32(layout.flags.offset) & bits.doubleMap) !== 0;
      const whole = isAnonymous || compound.isHugetlb ? entire - (isDouble ? 1 : 0) : 0;
      this.count = isTyped ? 0 : own + whole;
    } else if (compound.pagesCount) this.count = own + entire;
    else this.count = this.#average();
    if (this.count < 0) this.count = null;
  }

  /** Mappings of each page on average, where pages do not count their own (folio_average_page_mapcount, fs/proc/internal.h). */
  #average(): number {
    const { entire, order } = this.#reader.compound;
    const mapcount = this.#reader.compound.mapcount ?? 0;
    if (mapcount <= 0) return 0;
    const size = 2 ** order;
    return mapcount <= entire ? entire : Math.max(1, Math.floor((mapcount - entire + size / 2) / size) + entire);
  }
}
