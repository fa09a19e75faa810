// SPDX-License-Identifier: Apache-2.0
// Compound pages: the head of a tail page, the order, and how often the whole is mapped (include/linux/mm_types.h).
import type { Host } from '../kernel/host.js';
import { type Resolved, resolveIfPresent, valuesOf } from '../types/fields.js';
import { ifAnswered } from '../types/source.js';
import type { FlagBits } from './flag-bits.js';
import { hasType, type PageTypes } from './page-types.js';
import type { Found, StructPages } from './struct-pages.js';
import { compoundDtors, folioTailFields, type structPageFields } from './structs.js';

/** The highest order of a compound page: 1 GiB, of hugetlbfs. */
const HIGHEST_ORDER = 18;
/** HUGETLB_PAGE_DTOR, where neither VMCOREINFO nor the types have it (include/linux/mm.h). */
const HUGETLB_DTOR = 2;
/** mm/internal.h: bits of _nr_pages_mapped that count pages. */
const PAGES_MAPPED = 0x7fffff;

/** How a kernel counts the mappings of compound pages. */
export type Counting =
  /** Every page counts its own mappings (up to v4.4). */
  | 'own'
  /** compound_mapcount counts mappings of the whole, PG_double_map marks that pages count too (up to v6.1). */
  | 'double-map'
  /** _entire_mapcount counts mappings of the whole, and pages their own (v6.2 to v6.9). */
  | 'entire'
  /** _large_mapcount counts all mappings as well (since v6.10). */
  | 'large';

/** The members of struct page in a kernel. */
export type PageLayout = Resolved<typeof structPageFields>;

/**
 * A page, or the compound page that it is the head of. A cursor: `find` sets its members; for the same head again it costs
 * nothing.
 */
export class Compound {
  /** Frame of the head. */
  head = -1;
  /** The struct page of the head: its bytes begin at `at` of `view`. The first tail's follow them. */
  view: DataView = EMPTY;
  at = 0;
  isLarge = false;
  /** Order; 0 for a page that is not compound, -1 if it is not plausible. */
  order = 0;
  isHugetlb = false;
  /** PG_large_rmappable: it is made of pages of user memory. */
  isRmappable = false;
  /** Mappings of the whole. */
  entire = 0;
  /** Mappings of the whole and of its pages; null if a struct page that counts is missing. */
  mapcount: number | null = 0;
  isMapped = false;
  /** Whether the pages of this compound page count their own mappings. */
  pagesCount = true;
  /** Number of pins of the whole; null if it does not have a counter of its own. */
  pins: number | null = null;
  readonly counting: Counting;
  readonly #folio: Resolved<typeof folioTailFields> | null;
  readonly #hugetlb: (at: number) => boolean;

  constructor(
    host: Host,
    readonly pages: StructPages,
    readonly layout: PageLayout,
    readonly bits: FlagBits,
    readonly types: PageTypes,
  ) {
    const folio = resolveIfPresent(host.types, folioTailFields);
    this.#folio = folio;
    this.counting = countingOf(layout, folio);
    this.#hugetlb = hugetlbTest(host, this, folio);
  }

  /** Finds the compound page whose head is at a frame. `isTyped`: its head has a type in place of a count. */
  find(head: number): Found {
    if (head === this.head) return 'there';
    this.head = -1;
    const found = this.pages.find(head);
    if (found !== 'there') return found;
    this.head = head;
    this.view = this.pages.view;
    this.at = this.pages.at;
    const flags = this.view.getUint32(this.at + this.layout.flags.offset, true);
    this.isLarge = (flags & this.bits.head) !== 0;
    this.order = 0;
    this.isHugetlb = false;
    this.isRmappable = false;
    this.entire = 0;
    this.pins = null;
    this.pagesCount = true;
    if (this.isLarge) this.#readTails();
    this.#count(flags);
    return 'there';
  }

  /** Whether the lowest byte of the flags of the first tail is the order. */
  get hasOrderInFlags(): boolean {
    return this.layout.compoundOrder === null && this.#folio?.order == null && this.#folio?.flags1 != null;
  }

  get refcount(): number {
    return this.view.getInt32(this.at + this.layout.count.offset, true);
  }

  get word(): number {
    return this.view.getInt32(this.at + this.layout.mapcount.offset, true);
  }

  /** The word of the first tail page at an offset. */
  tail32(offset: number): number {
    return this.view.getInt32(this.at + this.layout.bytes + offset, true);
  }

  #readTails(): void {
    const { layout, view, at } = this;
    const folio = this.#folio;
    const order = this.#orderOf();
    this.order = order > 0 && order <= HIGHEST_ORDER && this.head % 2 ** order === 0 ? order : -1;
    this.isHugetlb = this.#hugetlb(at);
    this.isRmappable = (this.tail32(layout.flags.offset) & this.bits.largeRmappable) !== 0;
    if (folio?.entireMapcount != null) this.entire = view.getInt32(at + folio.entireMapcount.offset, true) + 1;
    else if (layout.compoundMapcount !== null) this.entire = this.tail32(layout.compoundMapcount.offset) + 1;
    if (folio?.pincount != null) this.pins = view.getInt32(at + folio.pincount.offset, true);
    else if (layout.compoundPincount !== null) this.pins = this.tail32(layout.compoundPincount.offset);
    else if (layout.hpagePincount !== null && this.order > 1)
      this.pins = view.getInt32(at + 2 * layout.bytes + layout.hpagePincount.offset, true);
  }

  #orderOf(): number {
    const { layout, view, at } = this;
    const { compoundOrder, lru } = layout;
    if (compoundOrder !== null) {
      const place = at + layout.bytes + compoundOrder.offset;
      return compoundOrder.size === 1 ? view.getUint8(place) : view.getInt32(place, true);
    }
    const folio = this.#folio;
    if (folio?.order != null) return view.getUint8(at + folio.order.offset);
    // Since Linux commit ebc1baf5c9b4 ("mm: free up a word in the first tail page") (in v6.6) in the low byte of the flags.
    if (this.hasOrderInFlags) return view.getUint8(at + layout.bytes + layout.flags.offset);
    // Up to v4.3 in lru.prev.
    return this.tail32(lru.offset + 8);
  }

  #count(flags: number): void {
    const { counting, word } = this;
    const { below, slab } = this.types;
    const isSlab = (flags & this.bits.slab) !== 0 || hasType(word, slab);
    const own = isSlab || (below !== null && word < below) ? 0 : word + 1;
    if (!this.isLarge || counting === 'own') {
      this.mapcount = own;
      this.isMapped = own > 0;
      return;
    }
    const { entire, isHugetlb } = this;
    if (counting === 'large') {
      this.#countLarge();
    } else if (isHugetlb || isSlab) {
      this.mapcount = isSlab ? 0 : entire;
      this.isMapped = this.mapcount > 0;
    } else {
      this.#sum();
    }
  }

  #countLarge(): void {
    const { view, at, entire } = this;
    const folio = this.#folio;
    const offset = folio?.largeMapcount?.offset ?? 0;
    const mapcount = view.getInt32(at + offset, true) + 1;
    this.mapcount = mapcount;
    this.isMapped = mapcount > 0;
    // Without CONFIG_PAGE_MAPCOUNT (since v6.15) pages do not count, and neither is counted how many are mapped.
    const mapped = folio?.pagesMapped == null ? 1 : view.getInt32(at + folio.pagesMapped.offset, true) & PAGES_MAPPED;
    this.pagesCount = mapcount <= entire || mapped > 0;
  }

  /** Adds up what the pages count (total_mapcount, mm/huge_memory.c; folio_mapcount, mm/util.c). */
  #sum(): void {
    const { counting, entire, layout, view, at } = this;
    const folio = this.#folio;
    if (counting === 'entire' && folio?.pagesMapped != null) {
      const mapped = view.getInt32(at + folio.pagesMapped.offset, true);
      this.isMapped = entire > 0 || mapped > 0;
      if ((mapped & PAGES_MAPPED) === 0) {
        this.mapcount = entire;
        return;
      }
    }
    const size = 2 ** Math.max(this.order, 0);
    let [sum, isAny] = [0, false];
    for (let i = 0; i < size; i++) {
      if (this.pages.find(this.head + i) !== 'there') {
        this.mapcount = null;
        this.isMapped = entire > 0 || isAny;
        return;
      }
      const count = this.pages.view.getInt32(this.pages.at + layout.mapcount.offset, true) + 1;
      sum += count;
      isAny ||= count > 0;
    }
    if (counting === 'entire') {
      this.mapcount = entire + sum;
      return;
    }
    this.isMapped = entire > 0 || isAny;
    // Pages of files count mappings of the whole as well; of anonymous memory, pages count one more if PG_double_map is set.
    const isAnonymous = (view.getUint32(at + layout.mapping.offset, true) & 1) !== 0;
    const isDouble = (this.tail32(layout.flags.offset) & this.bits.doubleMap) !== 0;
    this.mapcount = entire + sum - (isAnonymous ? (isDouble ? size : 0) : entire * size);
  }
}

const EMPTY = new DataView(new ArrayBuffer(0));

function countingOf(layout: PageLayout, folio: Resolved<typeof folioTailFields> | null): Counting {
  if (folio !== null && folio.largeMapcount !== null) return 'large';
  if (folio !== null && folio.pagesMapped !== null) return 'entire';
  return layout.compoundMapcount === null ? 'own' : 'double-map';
}

/** The test for huge pages of hugetlbfs (PageHuge, folio_test_hugetlb) in the form that a kernel has. */
function hugetlbTest(
  { info, types, symbols }: Host,
  compound: Compound,
  folio: Resolved<typeof folioTailFields> | null,
): (at: number) => boolean {
  const { layout, bits, types: pageTypes } = compound;
  if (pageTypes.hugetlb !== null) return () => hasType(compound.word, pageTypes.hugetlb);
  // v6.6 has a flag of the first tail page.
  const recorded = info.number('PG_hugetlb');
  const flag = recorded === null ? bits.hugetlb : 1 << Number(recorded);
  if (flag !== 0) return () => (compound.tail32(layout.flags.offset) & flag) !== 0;
  const dtor = layout.compoundDtor;
  const values = ifAnswered(() => valuesOf(types, compoundDtors));
  const wanted = Number(info.number('HUGETLB_PAGE_DTOR') ?? values?.get('HUGETLB_PAGE_DTOR') ?? HUGETLB_DTOR);
  if (dtor !== null) return (at) => compound.view.getUint8(at + layout.bytes + dtor.offset) === wanted;
  if (folio !== null && folio.dtor !== null) {
    const { offset } = folio.dtor;
    return (at) => compound.view.getUint8(at + offset) === wanted;
  }
  // Up to v4.3 the destructor itself is in lru.next.
  const free = info.symbol('free_huge_page') ?? symbols.get('free_huge_page') ?? null;
  return (at) => free !== null && compound.view.getBigUint64(at + layout.bytes + layout.lru.offset, true) === free;
}
