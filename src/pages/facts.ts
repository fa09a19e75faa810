// SPDX-License-Identifier: Apache-2.0
// What a page is, from its struct page (include/linux/mm_types.h), as fs/proc/page.c of the kernel computes it.
import type { Host } from '../kernel/host.js';
import { KPF } from './flag-bits.js';
import type { MappingKind, PageKind } from './kinds.js';
import { KpageWords } from './kpage.js';
import type { MappedFile } from './mappings.js';
import type { Charge, Memcgs } from './memcg.js';
import { PageReader } from './reader.js';
import type { SwapEntry } from './swap-cache.js';

/** What the mapping of its struct page says. */
export interface PageMapping {
  /** The kind of memory; `movable`: the kernel's, which it can move. */
  kind: MappingKind;
  /** Number of the file's inode; null unless the page belongs to a file. */
  inode: number | null;
  /** Path of the file; null if the kernel does not remember one. */
  path: string | null;
  /** Of the page in the file, in bytes. */
  offset: number | null;
}

/** Low bits of page->mapping (include/linux/page-flags.h). */
const ANON = 1;
const KSM = 3;
/** References that a pin adds to a page that is not compound: GUP_PIN_COUNTING_BIAS (include/linux/mm.h). */
const PIN_SHIFT = 10;
/** Offsets in pages are below this, as addresses have 64 bits. */
const MOST_INDEX = 1n << 52n;
/** Pages of the huge zero page. */
const HUGE_PAGES = 512;
const NO_PROBLEMS: readonly string[] = [];

/**
 * The facts about one page after another. One object describes all of them: `look` sets its members. Of a page without a
 * struct page (`none`), and of one whose struct page is not in the dump (`unknown`), only the frame, and what `problems`
 * says, are known; other members then have no meaning.
 */
export class PageFacts {
  frame = 0;
  kind: PageKind = 'none';
  /** Virtual page of its struct page, and byte in it. */
  structPage = 0;
  structOffset = 0;
  /** page->flags, as two words. */
  flagsHigh = 0;
  flagsLow = 0;
  flagNames: readonly string[] = [];
  /** The words of /proc/kpageflags and /proc/kpagecount. */
  readonly kpage: KpageWords;
  kpageNames: readonly string[] = [];
  /** References to the page, or to the compound page that it is a part of. */
  refcount = 0;
  /** Mappings of the whole compound page; null if they are not known. */
  mapcount: number | null = 0;
  /** Pins (pin_user_pages); null if this kernel does not count them. */
  pins: number | null = 0;
  /** Frame of the head; null if the page is not part of a compound page. */
  head: number | null = null;
  /** Order of the compound page; 0 if it is none. */
  order = 0;
  isTail = false;
  huge: 'thp' | 'hugetlb' | null = null;
  node: number | null = null;
  zone: string | null = null;
  memcg: string | null = null;
  mapping: PageMapping | null = null;
  /** Mappings of a page that KSM merged; null for other pages. */
  sharers: number | null = null;
  swap: SwapEntry | null = null;
  problems: readonly string[] = NO_PROBLEMS;

  readonly #reader: PageReader;
  readonly #mapping: PageMapping = { kind: 'anonymous', inode: null, path: null, offset: null };

  constructor(host: Host) {
    this.#reader = new PageReader(host);
    this.kpage = new KpageWords(this.#reader);
  }

  /** The first frame from which on no frame has a struct page. */
  get end(): number {
    return this.#reader.pages.map.end;
  }

  /** page->mapping of the page, or of the head: an address with marks in its two lowest bits. */
  get link(): bigint {
    return this.#word64(this.#reader.layout.mapping.offset);
  }

  /** page->index of the page, or of the head; null if it is not an offset. */
  get index(): number | null {
    const { compound, layout } = this.#reader;
    const index = compound.view.getBigUint64(compound.at + layout.index.offset, true);
    // With 5 levels, the stack of a process is above 2^41 pages.
    return index < MOST_INDEX ? Number(index) : null;
  }

  /** Whether a frame is that of the zero page, or in the huge zero page. */
  isZero(frame: number): boolean {
    const { small, huge } = this.#reader.zero;
    return frame === small || (huge >= 0 && frame >= huge && frame < huge + HUGE_PAGES);
  }

  /** Drops what was read, for memory that changes. */
  forget(): void {
    this.#reader.forget();
  }

  /** Sets the members to the facts about a frame. */
  look(frame: number): this {
    const reader = this.#reader;
    this.frame = frame;
    this.problems = NO_PROBLEMS;
    const found = reader.pages.find(frame);
    if (found === 'none') {
      this.kind = 'none';
      this.kpage.setNone();
      this.kpageNames = reader.bits.namesOf(0, KPF.nopage);
      return this;
    }
    const { view, at, page, offset } = reader.pages;
    this.structPage = page;
    this.structOffset = offset;
    if (found === 'missing') return this.#unknown(`struct page: ${reader.pages.gap?.message ?? ''}`);
    const layout = reader.layout;
    this.flagsLow = view.getUint32(at + layout.flags.offset, true);
    this.flagsHigh = view.getUint32(at + layout.flags.offset + 4, true);
    this.problems = reader.problems;
    this.node = reader.nodes?.nodeOf(frame) ?? null;
    this.zone = reader.zones.nameOf(frame, this.flagsHigh);
    const word = view.getInt32(at + layout.mapcount.offset, true);
    const head = reader.heads.headOf(frame, this.flagsLow);
    if (head === null) return this.#unknown('struct page: the head of the compound page is not plausible');
    const { compound } = reader;
    if (compound.find(head) !== 'there')
      return this.#unknown('the struct page of the compound page is not in the dump');
    if (compound.order < 0 || frame - head >= 2 ** compound.order)
      return this.#unknown('struct page: the compound page is not plausible');
    this.isTail = head !== frame;
    this.flagNames = reader.flagNames(this.flagsLow, frame === head + 1);
    this.head = compound.isLarge ? head : null;
    this.order = compound.order;
    this.refcount = compound.refcount;
    this.mapcount = compound.mapcount;
    const { kpage } = this;
    kpage.set(frame, this.flagsLow, word);
    this.kpageNames = reader.bits.namesOf(kpage.high, kpage.low);
    this.huge = (kpage.low & KPF.huge) !== 0 ? 'hugetlb' : (kpage.low & KPF.thp) !== 0 ? 'thp' : null;
    this.pins = compound.pins ?? (reader.countsPins ? this.refcount >>> PIN_SHIFT : null);
    this.#setKind();
    return this;
  }

  /** Makes these the facts about a frame whose struct page changed each time it was read. */
  moved(frame: number): this {
    return this.look(frame).#unknown('struct page: it changed each time it was read');
  }

  /** A text that is equal as long as the page is used for the same thing. Counts and most flags change at any time. */
  get use(): string {
    const isKnown = this.kind !== 'none' && this.kind !== 'unknown';
    return [this.kind, this.head, this.order, this.huge, isKnown ? this.link : 0n].join();
  }

  #unknown(problem: string): this {
    this.kind = 'unknown';
    this.problems = [problem];
    return this;
  }

  #setKind(): void {
    const { compound, layout, memcgs, swapCache } = this.#reader;
    const { low } = this.kpage;
    const headFlags = compound.view.getUint32(compound.at + layout.flags.offset, true);
    this.kind = this.#kindOf(low, headFlags);
    this.sharers = null;
    this.swap = null;
    if (this.kind === 'ksm') this.sharers = this.kpage.count;
    if ((low & KPF.swapcache) !== 0)
      this.swap = swapCache.entryOf(this.#word64(layout.private.offset), this.frame - compound.head);
    const { path, problems } = this.#charge(memcgs);
    this.memcg = path;
    if (problems.length > 0) this.problems = [...this.problems, ...problems];
  }

  #kindOf(low: number, headFlags: number): PageKind {
    const { bits } = this.#reader;
    this.mapping = null;
    if ((low & KPF.zero) !== 0) return 'zero';
    if ((low & KPF.buddy) !== 0 || this.#isBehindBuddy()) return 'free';
    if ((low & KPF.offline) !== 0) return 'offline';
    if ((low & KPF.table) !== 0) return 'page-table';
    if ((low & KPF.slab) !== 0 || (headFlags & bits.slab) !== 0) return 'slab';
    const isAnonymous = (low & KPF.anonymous) !== 0;
    const isReserved = !isAnonymous && (low & KPF.huge) === 0 && (headFlags & bits.reserved) !== 0;
    if (isReserved) return 'reserved';
    const mapping = this.#mappingOf();
    this.mapping = mapping;
    if ((low & KPF.huge) !== 0) return 'hugetlb';
    if (isAnonymous) return (low & KPF.ksm) !== 0 ? 'ksm' : 'anonymous';
    if ((headFlags & bits.lru) !== 0) return (headFlags & bits.swapBacked) !== 0 ? 'shmem' : 'file';
    if (mapping?.kind === 'file' || mapping?.kind === 'shmem') return mapping.kind;
    return this.#isListed() ? 'free' : 'kernel';
  }

  /** Whether the page is in a free block, of which kpageflags marks only the first page in old kernels. */
  #isBehindBuddy(): boolean {
    const { free, marksAll } = this.#reader;
    return !marksAll && this.refcount === 0 && free.isInBlock(this.frame);
  }

  /** Whether the page is in a processor's own list of free pages: such pages have no mark. */
  #isListed(): boolean {
    const { compound, free } = this.#reader;
    return this.refcount === 0 && !compound.isLarge && free.isListed(this.frame);
  }

  #charge(memcgs: Memcgs): Charge {
    const { memcgAt, compound } = this.#reader;
    if (memcgAt < 0) return memcgs.nothing;
    const { view, at } = compound;
    return memcgs.of(view.getUint32(at + memcgAt + 4, true), view.getUint32(at + memcgAt, true));
  }

  #mappingOf(): PageMapping | null {
    const { compound, layout, mappings } = this.#reader;
    const { view, at } = compound;
    const low = view.getUint32(at + layout.mapping.offset, true);
    const high = view.getUint32(at + layout.mapping.offset + 4, true);
    if (low === 0 && high === 0) return null;
    const mapping = this.#mapping;
    mapping.inode = null;
    mapping.path = null;
    mapping.offset = null;
    const marks = low & KSM;
    if (marks !== 0) {
      mapping.kind = marks === KSM ? 'ksm' : marks === ANON ? 'anonymous' : 'movable';
      return mapping;
    }
    const file = mappings.fileOf(high, low);
    if (file === null) return null;
    this.#setFile(file, high, low);
    return mapping;
  }

  #setFile(file: MappedFile, high: number, low: number): void {
    const { compound, layout, mappings } = this.#reader;
    const mapping = this.#mapping;
    const index = this.#number(layout.index.offset);
    let unit = 4096;
    if (file.kind === 'hugetlb' && index !== null && index > 0)
      unit = mappings.hugeUnit((BigInt(high) << 32n) | BigInt(low), index, this.order);
    mapping.kind = file.kind;
    mapping.inode = file.inode;
    mapping.path = file.path;
    mapping.offset = index === null ? null : index * unit + (this.frame - compound.head) * 4096;
    if (file.problems.length > 0) this.problems = [...this.problems, ...file.problems];
  }

  #word64(offset: number): bigint {
    const { view, at } = this.#reader.compound;
    return view.getBigUint64(at + offset, true);
  }

  /** A 64-bit member of the head as a number; null if it is too large to be an index of a page. */
  #number(offset: number): number | null {
    const { view, at } = this.#reader.compound;
    const high = view.getUint32(at + offset + 4, true);
    return high >= 0x200 ? null : high * 0x100000000 + view.getUint32(at + offset, true);
  }
}
