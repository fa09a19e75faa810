// SPDX-License-Identifier: Apache-2.0
// One pass over the page tables of all processes, which finds every entry that names one of the wanted frames.
import type { Pfn, Vpn } from '../core/address.js';
import type { Log } from '../core/log.js';
import type { Host } from '../kernel/host.js';
import type { Mm } from '../kernel/mm.js';
import type { Vma } from '../kernel/vma.js';
import { endAt, leafFrame } from '../paging/entry.js';
import { type PagingForm, PRESENT, PROTNONE, PSE } from '../paging/form.js';
import { TableScan } from '../paging/table-scan.js';
import { Walk } from '../paging/walker.js';
import { MutableMmRun } from '../spaces/mm-run.js';
import { WalkMeaning } from '../spaces/walk-meaning.js';
import type { Space, Spaces } from './address-spaces.js';
import { type Area, searchedIn } from './areas.js';
import { Hidden } from './hidden.js';
import { Hits, Naming } from './hits.js';
import { canHave, type WantedFrames } from './wanted.js';

/** VM_PFNMAP: the kernel does not count these mappings. VM_HUGETLB. (include/linux/mm.h) */
const VM_PFNMAP = 0x400n;
const VM_HUGETLB = 0x400000n;
/** Software bit of an entry that is not counted, _PAGE_SPECIAL (arch/x86/include/asm/pgtable_types.h). */
const SPECIAL = 0x200;
/** MAX_SWAPFILES is at least this: entries of types below are swap (include/linux/swap.h). */
const ALWAYS_SWAP = 16;
/** Bit 58 of a swap entry, set since the L1TF fix: the type is then in the highest five bits. */
const IS_INVERTED = 1 << 26;

/** What a pass found. */
export interface Found {
  readonly hits: Hits;
  readonly areas: readonly Area[];
  /** What could not be searched, by process. */
  readonly hidden: readonly Hidden[];
}

/** Searches the page tables of all processes for wanted frames. Each table is read once. */
export function search(host: Host, { all }: Spaces, wanted: WantedFrames, log: Log): Found {
  const hits = new Hits();
  const areas: Area[] = [];
  const hidden: Hidden[] = [];
  const scan = new TableScan(host.frames, host.memory.form);
  for (const [i, space] of all.entries()) {
    if (space.mm === null) continue;
    const pass = new Pass({ host, space, mm: space.mm, scan, wanted, hits, areas });
    pass.run((part) => {
      log.tick((i + part) / all.length);
    });
    if (!pass.hidden.isEmpty) hidden.push(pass.hidden);
  }
  return { hits, areas, hidden };
}

interface PassOf {
  readonly host: Host;
  readonly space: Space;
  readonly mm: Mm;
  readonly scan: TableScan;
  readonly wanted: WantedFrames;
  readonly hits: Hits;
  readonly areas: Area[];
}

/** The search in one process. */
class Pass {
  readonly hidden: Hidden;
  readonly #of: PassOf;
  readonly #form: PagingForm;
  readonly #meaning: WalkMeaning;
  readonly #run: MutableMmRun;
  #vma: Vma | null = null;
  /** Number of the area of this mapping; -1 if nothing was found in it yet. */
  #area = -1;
  #isCounted = true;

  constructor(of: PassOf) {
    const { host, space, mm } = of;
    this.hidden = new Hidden(space);
    this.#of = of;
    this.#form = host.memory.form;
    this.#meaning = new WalkMeaning(host, mm);
    this.#run = new MutableMmRun(this.#meaning.deviceOf);
  }

  run(tick: (part: number) => void): void {
    const { host, space, mm, scan } = this.#of;
    const { parts, missing } = searchedIn(host, mm, space.slots, this.#meaning.userPages);
    if (missing !== null) this.hidden.missing = missing;
    const pages = parts.reduce((sum, { first, end }) => sum + end - first, 0);
    let done = 0;
    scan.of(mm.root);
    for (const { first, end, vma } of parts) {
      this.#enter(vma);
      const flags = vma?.flags ?? 0n;
      for (scan.over(first as Vpn, end as Vpn, (flags & VM_HUGETLB) !== 0n); scan.next(); ) {
        this.#piece();
        done += scan.pages;
        tick(done / pages);
      }
    }
  }

  #enter(vma: Vma | null): void {
    this.#vma = vma;
    this.#area = -1;
    this.#isCounted = vma === null || (vma.flags & VM_PFNMAP) === 0n;
  }

  #piece(): void {
    const { scan } = this.#of;
    const { table, status } = scan;
    if (scan.isRepeated) this.hidden.add(scan.pages, 'a page table is entered at two places');
    else if (table !== null) this.#table(table);
    else if (status === Walk.Mapped) this.#large();
    else if (status !== Walk.Empty) this.#notMapped(scan.first, scan.pages, scan);
  }

  /** The entries of a PTE table. Almost all of the time is spent here. */
  #table(table: DataView): void {
    const { scan, wanted } = this.#of;
    const { filter } = wanted;
    const { first, pages, index } = scan;
    const start = index * 8;
    const stop = start + pages * 8;
    for (let at = start; at < stop; at += 8) {
      const lo = table.getInt32(at, true);
      if ((lo & PRESENT) !== 0) {
        // The lowest 32 bits of the frame.
        const low = (lo >>> 12) | (table.getInt32(at + 4, true) << 20);
        if (canHave(filter, low)) this.#leaf(first + ((at - start) >> 3), lo, table.getInt32(at + 4, true));
      } else {
        const hi = table.getInt32(at + 4, true);
        if ((lo | hi) !== 0) this.#notPresent(first + ((at - start) >> 3), lo, hi);
      }
    }
  }

  #leaf(page: number, lo: number, hi: number): void {
    const index = this.#of.wanted.indexOf(leafFrame(0, lo, hi, this.#form));
    if (index >= 0) this.#mapped(index, page, lo);
  }

  #notPresent(page: number, lo: number, hi: number): void {
    // Swapped out: the most frequent entry by far.
    if ((hi & IS_INVERTED) !== 0 && hi >>> 27 < ALWAYS_SWAP && (lo & (PROTNONE | PSE)) === 0) return;
    const status = endAt(0, lo, hi) as Walk;
    if (status === Walk.Mapped) this.#leaf(page, lo, hi);
    else if (status !== Walk.Empty) this.#notMapped(page, 1, { status, level: 0, frame: 0 as Pfn, lo, hi });
  }

  #mapped(index: number, page: number, lo: number): void {
    const frame = this.#of.wanted.frames[index] as Pfn;
    const { limit } = this.#meaning;
    if (frame >= limit && !this.#meaning.canMap(frame, page as Vpn)) return;
    const isCounted = this.#isCounted && (lo & SPECIAL) === 0;
    this.#add(index, page, isCounted ? Naming.Counted : Naming.Uncounted);
  }

  #large(): void {
    const { scan, wanted } = this.#of;
    const { frame, pages, first, lo } = scan;
    const { frames, count } = wanted;
    for (let i = wanted.firstFrom(frame); i < count && (frames[i] as number) < frame + pages; i++)
      this.#mapped(i, first + (frames[i] as number) - frame, lo);
  }

  /** An entry that does not map pages: it can name frames, or hide what is mapped there. */
  #notMapped(page: number, pages: number, end: Parameters<WalkMeaning['notMapped']>[1]): void {
    const run = this.#run;
    run.vpn = page as Vpn;
    const state = this.#meaning.notMapped(run, end);
    if (state === 'table-missing' || state === 'damaged') this.hidden.add(pages, run.message ?? state);
    const { frame } = run;
    if (frame === null || state === 'swapped') return;
    const naming = state === 'poisoned' ? Naming.Poisoned : state === 'migrating' ? Naming.Migrating : Naming.Device;
    const { wanted } = this.#of;
    const { frames, count } = wanted;
    for (let i = wanted.firstFrom(frame); i < count && (frames[i] as number) < frame + pages; i++)
      this.#add(i, page + (frames[i] as number) - frame, naming);
  }

  #add(index: number, page: number, naming: Naming): void {
    const { areas, hits, space } = this.#of;
    if (this.#area < 0) this.#area = areas.push({ space, vma: this.#vma }) - 1;
    hits.add(index, page, this.#area, naming);
  }
}
