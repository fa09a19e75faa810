// SPDX-License-Identifier: Apache-2.0
// Compares the entries that name a frame with the number of mappings that the kernel counted, and settles differences by the
// reverse map.
import { PAGE_SIZE, type Pfn } from '../core/address.js';
import { DumpError, orNull } from '../core/errors.js';
import type { Host } from '../kernel/host.js';
import { readMm } from '../kernel/mm.js';
import type { PageFacts } from '../pages/facts.js';
import type { PageKind } from '../pages/kinds.js';
import type { MmSpace } from '../spaces/mm-space.js';
import { mmSpaceOf } from '../spaces/spaces.js';
import type { Space, Spaces } from './address-spaces.js';
import type { Area } from './areas.js';
import { Naming } from './hits.js';
import { type Candidate, type Candidates, ReverseMap } from './reverse-map.js';
import { spaceName, type Unseen } from './unseen.js';

/** An entry that names a frame: the mapping and the virtual page, and how. */
export interface Entry {
  readonly area: Area;
  readonly page: number;
  readonly naming: Naming;
}

/** The entries of a frame. */
export interface Settled {
  readonly entries: readonly Entry[];
  /** Whether there are no others. */
  readonly complete: boolean;
  readonly problems: readonly string[];
}

/** Kinds of pages whose count of mappings says how many entries map them. */
const COUNTED: ReadonlySet<PageKind> = new Set([
  'anonymous',
  'ksm',
  'shmem',
  'file',
  'hugetlb',
  'free',
  'slab',
  'page-table',
]);
/** Kinds without a struct page, or whose mappings are not all counted: those of device memory and of the firmware. */
const NOT_COUNTED: ReadonlySet<PageKind> = new Set(['none', 'unknown', 'reserved']);
/** Candidates that a problem lists. */
const MOST_NAMED = 5;

/** Settles the entries of one frame after another. */
export class Settler {
  readonly #host: Host;
  readonly #unseen: Unseen;
  readonly #spaces = new Map<bigint, Space>();
  readonly #memory = new Map<Space, MmSpace>();
  readonly #areas = new Map<bigint, Area>();
  #reverse: ReverseMap | DumpError | null = null;

  constructor(host: Host, { all }: Spaces, unseen: Unseen) {
    this.#host = host;
    this.#unseen = unseen;
    for (const space of all) this.#spaces.set(space.address, space);
  }

  /** `entries`: what the search found. */
  settle(facts: PageFacts, entries: readonly Entry[]): Settled {
    const { isAny, problems } = this.#unseen;
    const counted = countOf(facts);
    const found = numberOf(entries, Naming.Counted);
    if (counted === null || (!COUNTED.has(facts.kind) && found > counted))
      return { entries, complete: !isAny, problems };
    if (counted === found || counted === found + numberOf(entries, Naming.Device)) {
      const complete = !isAny || !canBeNamed(facts);
      return { entries, complete, problems: complete ? [] : problems };
    }
    // zsmalloc of old kernels uses the word of the count.
    if (facts.kind === 'kernel') return { entries, complete: !isAny, problems };
    return found > counted ? this.#tooMany(facts, entries, counted) : this.#tooFew(facts, entries, counted - found);
  }

  /** The reverse map knows of more places. Those that it is sure of become entries. */
  #tooFew(facts: PageFacts, entries: readonly Entry[], lacking: number): Settled {
    const { all, missing } = this.#candidates(facts);
    const known = new Set(entries.map(({ area, page }) => keyOf(area.space.address, page)));
    const others = all.filter(({ mm, page }) => !known.has(keyOf(mm, page)));
    const sure: Entry[] = [];
    const open: Candidate[] = [];
    for (const each of others) {
      const what = this.#look(each, facts.frame);
      if (what === 'maps') sure.push(this.#entryOf(each));
      else if (what === 'unknown') open.push(each);
    }
    const left = lacking - sure.length;
    // As many places as mappings are missing: each of them is one.
    if (missing === null && left > 0 && open.length === left)
      sure.push(...open.splice(0).map((each) => this.#entryOf(each)));
    const whole = this.#inOrder([...entries, ...sure]);
    if (lacking === sure.length) return this.#withUnseen(facts, whole);
    const reasons = [
      `the kernel counts ${lacking + numberOf(entries, Naming.Counted)} mappings of the page, ${numberOf(whole, Naming.Counted)} were found`,
      ...(open.length === 0 ? [] : [`it may be mapped by ${this.#listed(open)}`]),
      ...(missing === null ? [] : [`the reverse map is not complete: ${missing}`]),
    ];
    return { entries: whole, complete: false, problems: [...reasons, ...this.#unseen.problems] };
  }

  /** In the order in which the page tables are searched. */
  #inOrder(entries: readonly Entry[]): Entry[] {
    const spaces = [...this.#spaces.values()];
    const order = new Map(entries.map(({ area: { space } }) => [space, spaces.indexOf(space)]));
    const placeOf = ({ area: { space } }: Entry): number => order.get(space) ?? 0;
    return [...entries].sort((a, b) => placeOf(a) - placeOf(b) || a.page - b.page);
  }

  #withUnseen(facts: PageFacts, entries: readonly Entry[]): Settled {
    const complete = !this.#unseen.isAny || !canBeNamed(facts);
    return { entries, complete, problems: complete ? [] : this.#unseen.problems };
  }

  /** Entries that the struct page contradicts are damaged. They are left out if the others are as many as counted. */
  #tooMany(facts: PageFacts, entries: readonly Entry[], counted: number): Settled {
    const { all, missing } = this.#candidates(facts);
    const places = new Set(all.map(({ mm, page }) => keyOf(mm, page)));
    const isRight = ({ area, page, naming }: Entry): boolean =>
      naming !== Naming.Counted || places.has(keyOf(area.space.address, page));
    const right = entries.filter(isRight);
    const isSettled = missing === null && numberOf(right, Naming.Counted) === counted;
    const wrong = entries.filter((entry) => !isRight(entry));
    const found = numberOf(entries, Naming.Counted);
    const problem = `the kernel counts ${counted} mappings of the page, but ${found} page-table entries map it: the dump is damaged`;
    const left = `left out, because the struct page contradicts it: ${namesOf(wrong)}`;
    return {
      entries: isSettled ? right : entries,
      complete: false,
      problems: [problem, ...(isSettled ? [left] : []), ...this.#unseen.problems],
    };
  }

  #candidates(facts: PageFacts): Candidates {
    this.#reverse ??= this.#open();
    if (this.#reverse instanceof DumpError) return { all: [], missing: this.#reverse.message };
    return this.#reverse.of(facts);
  }

  #open(): ReverseMap | DumpError {
    try {
      return new ReverseMap(this.#host);
    } catch (error) {
      if (error instanceof DumpError) return error;
      throw error;
    }
  }

  /** Whether the page table of a candidate maps the frame, as far as it can be read. */
  #look({ mm, page }: Candidate, frame: number): 'maps' | 'does not' | 'unknown' {
    const space = this.#spaceOf(mm);
    const memory = this.#memory.get(space) ?? (space.mm === null ? null : mmSpaceOf(this.#host, space.mm));
    if (memory === null) return 'unknown';
    this.#memory.set(space, memory);
    const { state, frame: mapped } = memory.page(page);
    if (state === 'mapped') return mapped === (frame as Pfn) ? 'maps' : 'does not';
    return state === 'table-missing' || state === 'damaged' ? 'unknown' : 'does not';
  }

  /** The address space with an mm_struct, also if no process has it any more. */
  #spaceOf(address: bigint): Space {
    const known = this.#spaces.get(address);
    if (known !== undefined) return known;
    const mm = orNull(() => readMm(this.#host, address));
    const space = { address, mm, pid: null, comm: null, sharedWith: [], slots: null, problems: [] };
    this.#spaces.set(address, space);
    return space;
  }

  #entryOf({ mm, vma, page }: Candidate): Entry {
    const area = this.#areas.get(vma.address) ?? { space: this.#spaceOf(mm), vma };
    this.#areas.set(vma.address, area);
    return { area, page, naming: Naming.Counted };
  }

  #listed(candidates: readonly Candidate[]): string {
    const named = candidates
      .slice(0, MOST_NAMED)
      .map(({ mm, page }) => `${spaceName(this.#spaceOf(mm))} at ${addressOf(page)}`);
    const more = candidates.length - named.length;
    return `${named.join(', ')}${more === 0 ? '' : ` and ${more} others`}`;
  }
}

/** The number of mappings that the kernel counted; null if that does not say how many entries map the page. */
const countOf = ({ kind, kpage }: PageFacts): number | null =>
  NOT_COUNTED.has(kind) || !kpage.isExact ? null : kpage.count;

/** Whether entries that are not counted can name a page: after a memory error, and during migration, when it is locked. */
const canBeNamed = ({ kpage: { low } }: PageFacts): boolean => (low & (KPF_LOCKED | KPF_HWPOISON)) !== 0;
/** Bits of kpageflags (include/uapi/linux/kernel-page-flags.h). */
const KPF_LOCKED = 1;
const KPF_HWPOISON = 1 << 19;

const numberOf = (entries: readonly Entry[], naming: Naming): number =>
  entries.reduce((sum, entry) => sum + (entry.naming === naming ? 1 : 0), 0);
const keyOf = (mm: bigint, page: number): string => `${mm} ${page}`;
const addressOf = (page: number): string => `0x${(page * PAGE_SIZE).toString(16)}`;
const namesOf = (entries: readonly Entry[]): string =>
  entries
    .slice(0, MOST_NAMED)
    .map(({ area, page }) => `${spaceName(area.space)} at ${addressOf(page)}`)
    .join(', ');
