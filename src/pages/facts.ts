// SPDX-License-Identifier: Apache-2.0
// What a page is, from its struct page (include/linux/mm_types.h), as fs/proc/page.c of the kernel computes it.
import { pfn } from '../core/address.js';
import { orNull } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import type { Host } from '../kernel/host.js';
import { NodeMap } from '../kernel/node-map.js';
import { flagNames } from '../kernel/page.js';
import { resolve, valuesOf } from '../types/fields.js';
import { describes, ifAnswered } from '../types/source.js';
import { Compound } from './compound.js';
import { type FlagBits, flagBitsOf, KPF } from './flag-bits.js';
import { FreePages } from './free-pages.js';
import { type Charge, Memcgs } from './memcg.js';
import { type MappedFile, Mappings } from './mappings.js';
import { memMapOf } from './memmap.js';
import { hasType, type PageTypes, pageTypesOf } from './page-types.js';
import { StructPages } from './struct-pages.js';
import { nodeCounters, structPageFields } from './structs.js';
import { SwapCache, type SwapEntry } from './swap-cache.js';
import { ZoneMap, zonesIfKnown } from './zones.js';

/** Kinds of pages. */
export const KINDS = [
  'anonymous',
  'ksm',
  'shmem',
  'file',
  'hugetlb',
  'zero',
  'free',
  'slab',
  'page-table',
  'reserved',
  'offline',
  'kernel',
  'none',
  'unknown',
] as const;
export type PageKind = (typeof KINDS)[number];

export const MAPPING_KINDS = ['anonymous', 'ksm', 'shmem', 'file', 'hugetlb', 'movable'] as const;

/** What page->mapping says. */
export interface PageMapping {
  kind: (typeof MAPPING_KINDS)[number];
  /** Number of the file's inode; null unless the page belongs to a file. */
  inode: number | null;
  path: string | null;
  /** Of the page in the file, in bytes. */
  offset: number | null;
}

/** Low bits of page->mapping (include/linux/page-flags.h). */
const ANON = 1;
const KSM = 3;
/** References that a pin adds to a page that is not compound: GUP_PIN_COUNTING_BIAS (include/linux/mm.h). */
const PIN_SHIFT = 10;
/** Most sets of names that are remembered. */
const MOST_NAMES = 0x4000;
/** Number of pages of the huge zero page. */
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
  /** The word of /proc/kpageflags, in two halves. */
  kpageHigh = 0;
  kpageLow = 0;
  kpageNames: readonly string[] = [];
  /** Mappings of the page, as /proc/kpagecount; null if it is not known. */
  count: number | null = 0;
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

  readonly #reader: Reader;
  readonly #mapping: PageMapping = { kind: 'anonymous', inode: null, path: null, offset: null };

  constructor(host: Host) {
    this.#reader = new Reader(host);
  }

  /** The first frame from which on no frame has a struct page. */
  get end(): number {
    return this.#reader.pages.map.end;
  }

  /** Sets the members to the facts about a frame. */
  look(frame: number): this {
    const reader = this.#reader;
    this.frame = frame;
    this.problems = NO_PROBLEMS;
    const found = reader.pages.find(frame);
    if (found === 'none') {
      this.kind = 'none';
      this.kpageHigh = 0;
      this.kpageLow = KPF.nopage;
      this.kpageNames = reader.bits.namesOf(0, KPF.nopage);
      this.count = 0;
      return this;
    }
    const { view, at, page, offset } = reader.pages;
    this.structPage = page;
    this.structOffset = offset;
    if (found === 'missing') return this.#unknown(`struct page: ${reader.pages.gap?.message ?? ''}`);
    const layout = reader.layout;
    this.flagsLow = view.getUint32(at + layout.flags.offset, true);
    this.flagsHigh = view.getUint32(at + layout.flags.offset + 4, true);
    this.flagNames = reader.flagNames(this.flagsLow);
    this.node = reader.nodes?.nodeOf(frame) ?? null;
    this.zone = reader.zones.nameOf(frame, this.flagsHigh);
    const word = view.getInt32(at + layout.mapcount.offset, true);
    const head = reader.headOf(frame, this.flagsLow);
    if (head === null) return this.#unknown('struct page: the head of the compound page is not plausible');
    const { compound } = reader;
    if (compound.find(head) !== 'there') return this.#unknown('the struct page of the compound page is not in the dump');
    if (compound.order < 0 || frame - head >= 2 ** compound.order)
      return this.#unknown('struct page: the compound page is not plausible');
    this.isTail = head !== frame;
    this.head = compound.isLarge ? head : null;
    this.order = compound.order;
    this.refcount = compound.refcount;
    this.mapcount = compound.mapcount;
    this.#setFlags(word);
    this.#setCounts(word);
    this.#setKind();
    return this;
  }

  #unknown(problem: string): this {
    this.kind = 'unknown';
    this.problems = [problem];
    return this;
  }

  #setFlags(word: number): void {
    const reader = this.#reader;
    const { bits, compound, types, free } = reader;
    const { frame, isTail, flagsLow: own } = this;
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
    low |= this.#hugeFlags(headFlags, (mapping & ANON) !== 0);
    if (free.isBuddy(own, word) || (compound.refcount === 0 && free.isInBlock(frame))) low |= KPF.buddy;
    const typeWord = reader.isSnapshot ? compound.word : word;
    if (hasType(typeWord, types.offline)) low |= KPF.offline;
    if (hasType(typeWord, types.table)) low |= KPF.table;
    if (isSlab) low |= KPF.slab;
    if (((reader.idleOfHead ? headFlags : own) & bits.idle) !== 0) low |= KPF.idle;
    const swap = bits.swapCache | bits.swapBacked;
    if ((headFlags & swap) === swap) low |= KPF.swapcache;
    const poisoned = reader.isFolio && (low & KPF.huge) !== 0 ? headFlags : own;
    if ((poisoned & bits.hwpoison) !== 0) low |= KPF.hwpoison;
    this.kpageLow = low >>> 0;
    this.kpageHigh = bits.copiedHigh(from) >>> 0;
    this.kpageNames = bits.namesOf(this.kpageHigh, this.kpageLow);
    this.huge = (low & KPF.huge) !== 0 ? 'hugetlb' : (low & KPF.thp) !== 0 ? 'thp' : null;
  }

  /** Huge pages and zero pages. */
  #hugeFlags(headFlags: number, isAnonymous: boolean): number {
    const { compound, bits, zero, hugeZero, isFolio, isSnapshot } = this.#reader;
    const { frame } = this;
    if (compound.isLarge) {
      if (compound.isHugetlb) return KPF.huge;
      if (isFolio ? compound.isRmappable : isAnonymous || (headFlags & bits.lru) !== 0) return KPF.thp;
    }
    const whole = isSnapshot ? frame - (frame % HUGE_PAGES) : compound.head;
    if (whole === hugeZero && (compound.isLarge || isSnapshot)) return KPF.zero | KPF.thp;
    if (frame === zero) return KPF.zero;
    return 0;
  }

  /** The value of /proc/kpagecount (page_mapcount, folio_precise_page_mapcount), and pins. */
  #setCounts(word: number): void {
    const { compound, bits, types, layout, countsPins } = this.#reader;
    const { counting, isLarge, entire } = compound;
    const isTyped = (this.kpageLow & KPF.slab) !== 0 && !(counting === 'large') ? true : types.below !== null && word < types.below;
    const own = isTyped ? 0 : word + 1;
    if (!isLarge || counting === 'own') this.count = own;
    else if (counting === 'double-map') {
      const isAnonymous = (this.kpageLow & KPF.anonymous) !== 0;
      const isDouble = (compound.tail32(layout.flags.offset) & bits.doubleMap) !== 0;
      const whole = isAnonymous || compound.isHugetlb ? entire - (isDouble ? 1 : 0) : 0;
      this.count = isTyped ? 0 : own + whole;
    } else if (compound.pagesCount) this.count = own + entire;
    else this.count = this.#average();
    if (this.count < 0) this.count = null;
    this.pins = compound.pins ?? (countsPins ? this.refcount >>> PIN_SHIFT : null);
  }

  /** Mappings of each page on average, where pages do not count their own (folio_average_page_mapcount, fs/proc/internal.h). */
  #average(): number {
    const { entire } = this.#reader.compound;
    const mapcount = this.mapcount ?? 0;
    if (mapcount <= 0) return 0;
    const size = 2 ** this.order;
    return mapcount <= entire ? entire : Math.max(1, Math.floor((mapcount - entire + size / 2) / size) + entire);
  }

  #setKind(): void {
    const { compound, layout, bits, free, memcgs, swapCache } = this.#reader;
    const low = this.kpageLow;
    const headFlags = compound.view.getUint32(compound.at + layout.flags.offset, true);
    this.mapping = null;
    this.sharers = null;
    this.swap = null;
    this.kind = 'kernel';
    if ((low & KPF.zero) !== 0) this.kind = 'zero';
    else if ((low & KPF.buddy) !== 0) this.kind = 'free';
    else if ((low & KPF.offline) !== 0) this.kind = 'offline';
    else if ((low & KPF.table) !== 0) this.kind = 'page-table';
    else if ((low & KPF.slab) !== 0) this.kind = 'slab';
    else if ((low & KPF.huge) !== 0) {
      this.kind = 'hugetlb';
      this.#setMapping();
    } else if ((low & KPF.anonymous) !== 0) {
      this.kind = (low & KPF.ksm) !== 0 ? 'ksm' : 'anonymous';
      this.#setMapping();
    } else if ((headFlags & bits.reserved) !== 0) this.kind = 'reserved';
    else {
      this.#setMapping();
      const kind = this.mapping === null ? null : (this.mapping as PageMapping).kind;
      if ((headFlags & bits.lru) !== 0) this.kind = (headFlags & bits.swapBacked) !== 0 ? 'shmem' : 'file';
      else if (kind === 'file' || kind === 'shmem') this.kind = kind;
      else if (this.refcount === 0 && !compound.isLarge && free.isListed(this.frame)) this.kind = 'free';
    }
    if (this.kind === 'ksm') this.sharers = this.count;
    if ((low & KPF.swapcache) !== 0) this.swap = swapCache.entryOf(this.#word64(layout.private.offset), this.frame - compound.head);
    const { path, problems } = this.#charge(memcgs);
    this.memcg = path;
    if (problems.length > 0) this.problems = [...this.problems, ...problems];
  }

  #charge(memcgs: Memcgs): Charge {
    const { memcgAt, compound } = this.#reader;
    if (memcgAt < 0) return memcgs.nothing;
    const { view, at } = compound;
    return memcgs.of(view.getUint32(at + memcgAt + 4, true), view.getUint32(at + memcgAt, true));
  }

  #setMapping(): void {
    const { compound, layout, mappings } = this.#reader;
    const { view, at } = compound;
    const low = view.getUint32(at + layout.mapping.offset, true);
    const high = view.getUint32(at + layout.mapping.offset + 4, true);
    if (low === 0 && high === 0) return;
    const mapping = this.#mapping;
    mapping.inode = null;
    mapping.path = null;
    mapping.offset = null;
    const marks = low & KSM;
    if (marks !== 0) {
      mapping.kind = marks === KSM ? 'ksm' : marks === ANON ? 'anonymous' : 'movable';
      this.mapping = mapping;
      return;
    }
    const file = mappings.fileOf(high, low);
    if (file !== null) this.#setFile(file, high, low);
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
    if (file.problems.length > 0) this.problems = file.problems;
    this.mapping = mapping;
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

/** What is needed to read the facts of a host's pages. */
class Reader {
  readonly layout;
  readonly bits: FlagBits;
  readonly types: PageTypes;
  readonly pages: StructPages;
  readonly compound: Compound;
  readonly free: FreePages;
  readonly memcgs: Memcgs;
  readonly mappings: Mappings;
  readonly swapCache: SwapCache;
  readonly nodes: NodeMap | null;
  readonly zones: ZoneMap;
  /** Whether fs/proc/page.c takes most flags from the head, since v6.10, which also made PG_slab a type. */
  readonly isFolio: boolean;
  /** Whether it takes the types from the head too. */
  readonly isSnapshot: boolean;
  /** Whether PG_idle is that of the head (page_is_idle), since there are folios. */
  readonly idleOfHead: boolean;
  /** Whether pins are counted, since v5.7 (NR_FOLL_PIN_ACQUIRED). */
  readonly countsPins: boolean;
  /** Frames of the zero page and of the huge zero page; -1 if there is none. */
  readonly zero: number;
  readonly hugeZero: number;
  /** Offset of memcg_data or mem_cgroup; -1 if there is none. */
  readonly memcgAt: number;
  readonly #names = new Map<number, readonly string[]>();
  readonly #flagNames: readonly (readonly [string, number])[];
  readonly #allFlags: number;

  constructor(host: Host) {
    const { types, memory } = host;
    const { page } = resolve(types, { page: structPageFields });
    this.layout = page;
    this.bits = flagBitsOf(host);
    this.types = pageTypesOf(host);
    this.pages = new StructPages(memory, memMapOf(host, page), page.bytes);
    this.compound = new Compound(host, this.pages, page, this.bits, this.types);
    this.free = new FreePages(host, this.pages, page, this.bits, this.types);
    this.memcgs = new Memcgs(host);
    this.mappings = new Mappings(host);
    this.swapCache = new SwapCache(host);
    this.nodes = orNull(() => new NodeMap(host));
    this.zones = new ZoneMap(host, zonesIfKnown(host), (frame) => this.#upperFlags(frame));
    this.isFolio = this.bits.slab === 0 && describes(types, 'folio');
    this.isSnapshot = describes(types, 'page_snapshot');
    this.idleOfHead = describes(types, 'folio');
    this.countsPins = ifAnswered(() => valuesOf(types, nodeCounters))?.has('NR_FOLL_PIN_ACQUIRED') ?? false;
    this.zero = frameAt(host, ['zero_page_pfn', 'zero_pfn'], ['empty_zero_page']);
    this.hugeZero = frameAt(host, ['huge_zero_pfn'], []);
    if (this.hugeZero < 0) this.hugeZero = this.#pageAt(host, ['huge_zero_folio', 'huge_zero_page']);
    this.memcgAt = (page.memcgData ?? page.memCgroup)?.offset ?? -1;
    this.#flagNames = [...flagNames(host)].flatMap(([name, mask]) =>
      mask < 1n << 32n ? [[name, Number(mask) | 0] as const] : [],
    );
    this.#allFlags = this.#flagNames.reduce((sum, [, mask]) => sum | mask, 0);
  }

  /** Names of the flags that are set. The same array for the same flags. */
  flagNames(flags: number): readonly string[] {
    const key = flags & this.#allFlags;
    let names = this.#names.get(key);
    if (names === undefined) {
      if (this.#names.size >= MOST_NAMES) this.#names.clear();
      names = this.#flagNames.filter(([, mask]) => (key & mask) !== 0).map(([name]) => name);
      this.#names.set(key, names);
    }
    return names;
  }

  /**
   * The frame of the head of a page whose struct page was just found; its own if it is no tail page; null if the pointer to
   * its head is not plausible.
   */
  headOf(frame: number, flags: number): number | null {
    const { layout, pages, bits } = this;
    const { view, at } = pages;
    const link = layout.compoundHead ?? layout.compoundInfo;
    if (link === null) {
      // Up to v4.3 a flag marks tail pages.
      if ((flags & bits.tail) === 0 || layout.firstPage === null) return frame;
      return this.#frameAt(frame, view, at + layout.firstPage.offset, 0);
    }
    if ((view.getUint32(at + link.offset, true) & 1) !== 0) return this.#linked(frame, view, at + link.offset, 1);
    // The struct pages of the tails of a huge page can be copies of the first ones (hugetlb vmemmap optimization, v5.18 to v7.0):
    // such a copy looks like a head, but the tail after it has the address of the real one.
    if (layout.compoundHead !== null && (flags & bits.head) !== 0 && (pages.offset === 0 || frame % 64 === 0)) {
      const place = at + layout.bytes + link.offset;
      if (place + 8 <= view.byteLength && (view.getUint32(place, true) & 1) !== 0)
        return this.#linked(frame, view, place, 1);
    }
    return frame;
  }

  /** A link to the head: its address, or since v7.1 a mask that makes it from the address of the tail's struct page. */
  #linked(frame: number, view: DataView, place: number, mark: number): number | null {
    const [low, high] = [view.getUint32(place, true), view.getUint32(place + 4, true)];
    // A mask has all upper bits set, and is at least as large as any kernel address of struct pages.
    if (this.layout.compoundInfo === null || high !== 0xffffffff) return this.#frameAt(frame, view, place, mark);
    const size = (~(low - mark) >>> 0) + 1;
    const { page, offset } = this.pages;
    const into = ((page % 0x100000) * 4096 + offset) % size;
    const distance = into / this.layout.bytes;
    return Number.isInteger(distance) && distance > 0 && distance <= frame ? frame - distance : null;
  }

  /** The frame whose struct page is at an address, which is stored at a place with `mark` added to it. */
  #frameAt(frame: number, view: DataView, place: number, mark: number): number | null {
    const [low, high] = [view.getUint32(place, true) - mark, view.getUint32(place + 4, true)];
    const { page, offset, section } = this.pages;
    const distance = ((page - (high * 0x100000 + (low >>> 12))) * 4096 + offset - (low & 0xfff)) / this.layout.bytes;
    if (!Number.isInteger(distance) || distance < 0 || distance > frame) return null;
    const head = frame - distance;
    if (section !== null && head >= section.first) return head;
    // In another section, whose struct pages can be elsewhere.
    return this.pages.map.frameOf((BigInt(high) << 32n) | BigInt(low));
  }

  /** The frame of the struct page to which a variable points. */
  #pageAt({ symbols, memory }: Host, variables: readonly string[]): number {
    for (const name of variables) {
      const at = symbols.get(name);
      if (at === undefined) continue;
      const address = orNull(() => readOf(memory, at, 8, name).u64(0)) ?? 0n;
      if (address !== 0n) return orNull(() => this.pages.map.frameOf(address)) ?? -1;
    }
    return -1;
  }

  #upperFlags(frame: number): number | null {
    if (this.pages.find(frame) !== 'there') return null;
    return this.pages.view.getUint32(this.pages.at + this.layout.flags.offset + 4, true);
  }
}

/** The frame in one of some variables, or of one of some pages of the kernel; -1 if there is none. */
function frameAt({ symbols, memory }: Host, variables: readonly string[], pages: readonly string[]): number {
  for (const name of variables) {
    const at = symbols.get(name);
    const value = at === undefined ? null : orNull(() => readOf(memory, at, 8, name).u64(0));
    // All ones: there is none.
    if (value !== null) return value < 1n << 40n ? Number(value) : -1;
  }
  for (const name of pages) {
    const at = symbols.get(name);
    const frame = at === undefined ? null : memory.frameOf(at);
    if (typeof frame === 'number') return frame;
  }
  return pfn(-1);
}
