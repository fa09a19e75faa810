// SPDX-License-Identifier: Apache-2.0
import { FileCaches } from '../caches/files.js';
import type { SwappedBytes } from '../caches/swapped-bytes.js';
import { PAGE_SIZE, type Pfn, pfn, type Vpn } from '../core/address.js';
import { orNull } from '../core/errors.js';
import { type FrameGap, readOf } from '../core/memory.js';
import type { Reason, State } from '../core/outcome.js';
import type { Host } from '../kernel/host.js';
import type { Mm } from '../kernel/mm.js';
import { meaningOf } from '../kernel/pte.js';
import type { SwapKind } from '../kernel/swap-kinds.js';
import { DEVICE_FLAGS } from '../kernel/vma.js';
import { levelNames } from '../paging/form.js';
import { Walk } from '../paging/walker.js';
import { PageContents } from './contents.js';
import { EmptyEntries } from './empty-entries.js';
import { Mappings } from './mappings.js';
import { type Explain, type MutableMmRun, NO_ENTRY } from './mm-run.js';
import { SwappedPages } from './swapped-pages.js';

/** MAX_PHYSMEM_BITS if VMCOREINFO lacks it: 46 with 4 levels, 52 with 5 (arch/x86/include/asm/sparsemem.h). */
const PHYSMEM_BITS = { 4: 46, 5: 52 } as const;

/** The end of a walk that did not find a page, as `PageWalker` and `PageRuns` report it. */
export interface End {
  readonly status: Walk;
  readonly level: number;
  readonly frame: Pfn;
  /** The entry where the walk ended. */
  readonly lo: number;
  readonly hi: number;
}

/** Decides what the end of a walk means for a page of a process, both for single pages and for runs. */
export class WalkMeaning {
  /** Names of the levels, from the PTE up. */
  readonly names: readonly string[];
  /** First page that a process can't have: its addresses are the lower half of the canonical ones. */
  readonly userPages: number;
  /** First frame beyond the machine's memory according to the dump; Infinity if the dump does not record it. */
  readonly limit: number;
  readonly mappings: Mappings;
  readonly #host: Host;
  readonly #mm: Mm;
  readonly #levels: 4 | 5;
  readonly caches: FileCaches;
  readonly #emptyEntries: EmptyEntries;
  #memoryEnd: number | null = null;
  #swapped: SwappedPages | null = null;
  #contents: PageContents | null = null;
  #frameBits: number | null = null;

  constructor(host: Host, mm: Mm) {
    const { levels } = host.memory.form;
    this.#host = host;
    this.#mm = mm;
    this.#levels = levels;
    this.names = levelNames(levels);
    this.userPages = 2 ** (9 * levels - 1);
    this.limit = host.frames.limit ?? Infinity;
    this.mappings = new Mappings(host, mm);
    this.caches = new FileCaches(host);
    this.#emptyEntries = new EmptyEntries(
      this.mappings,
      this.caches,
      () => this.#pages,
      (level) => this.#name(level),
    );
  }

  /** Path of the device or file of a swap type; null if it can't be read. */
  readonly deviceOf = (type: number): string | null => this.#pages.swap.device(type);

  /** The contents of swapped pages that are not in the swap cache. */
  get swappedBytes(): SwappedBytes {
    return this.#pages.bytes;
  }

  /** The bytes that belong to answers. */
  get contents(): PageContents {
    this.#contents ??= new PageContents(this.#host, this.caches, () => this.#pages);
    return this.#contents;
  }

  noncanonical(run: MutableMmRun): State {
    return run.end('noncanonical', 'hva-noncanonical', NO_ENTRY, NONCANONICAL);
  }

  /** Whether a page can be mapped to a frame from `limit` on. */
  canMap(frame: Pfn, page: Vpn): boolean {
    return frame < this.memoryEnd || this.isDevice(page);
  }

  /**
   * First frame beyond the memory that the dump or the kernel knows: memory added after kdump was set up is not in the
   * dump.
   */
  get memoryEnd(): number {
    this.#memoryEnd ??= Math.max(this.limit, this.#mostFrames());
    return this.#memoryEnd;
  }

  /** Whether a page can be mapped to a frame beyond the machine's memory, because its mapping is that of a device. */
  isDevice(page: Vpn): boolean {
    const vma = this.mappings.at(page);
    return vma !== null && (vma.flags & DEVICE_FLAGS) !== 0n;
  }

  /** Sets `run` to the answer for an entry that points to a frame beyond the machine's memory. */
  nowhere(run: MutableMmRun, frame: Pfn, level: number): State {
    run.leadsTo = frame;
    return run.end('damaged', 'bad-entry', level, this.#nowhereText);
  }

  /** Sets `run` to the answer for a page, `run.vpn`, that is not mapped. */
  notMapped(run: MutableMmRun, end: End): State {
    const { level } = end;
    switch (end.status) {
      case Walk.TableMissing:
        return this.#tableMissing(run, end);
      case Walk.Empty:
        this.empty(run, level, (run.vpn + 1) as Vpn);
        return run.state;
      case Walk.Special:
        return this.#special(run, end);
      default:
        return run.end('damaged', 'bad-entry', level, this.#badText);
    }
  }

  /**
   * Sets `run` to the answer for the page `run.vpn`, whose entry of a level is empty. Returns the page up to which the pages
   * after it have the same answer, at most `end`, if their entries are empty as well.
   */
  empty(run: MutableMmRun, level: number, end: Vpn): Vpn {
    if (this.#mm.users > 0) return this.#emptyEntries.find(run, level, end);
    run.end('not-present', 'address-space-gone', level, GONE);
    return end;
  }

  /** The kernel's max_pfn; 0 if it can't be read. */
  #mostFrames(): number {
    const { symbols, memory } = this.#host;
    const end = orNull(() => {
      const variable = symbols.get('max_pfn');
      return variable === undefined ? null : readOf(memory, variable, 8, 'max_pfn').u64(0);
    });
    return Number(end ?? 0n);
  }

  #tableMissing(run: MutableMmRun, { level, frame }: End): State {
    if (frame >= this.limit && frame >= this.memoryEnd) return this.nowhere(run, frame, level + 1);
    run.leadsTo = frame;
    const { reason } = this.#host.frames.why(frame);
    return run.end('table-missing', TABLE_REASON[reason], level + 1, this.#tableText);
  }

  #special(run: MutableMmRun, { level, lo, hi }: End): State {
    const { swap } = this.#pages;
    const { kind, entry, frame } = meaningOf(lo, hi, swap, this.#frameBitsOf());
    // The kernel never swaps out all pages of a table with a single entry.
    const { state, reason, explain } = MEANINGS[kind === 'swap' && level > 0 ? 'unknown' : kind];
    run.end(state, reason, level, state === 'swapped' ? this.#swappedText : explain);
    if (frame !== null) run.names(frame + (level > 0 ? run.vpn % 512 ** level : 0));
    if (state === 'swapped') this.#pages.place(run, entry.type, entry.offset);
    return state;
  }

  get #pages(): SwappedPages {
    this.#swapped ??= new SwappedPages(this.#host, this.caches);
    return this.#swapped;
  }

  #frameBitsOf(): number {
    this.#frameBits ??= Number(this.#host.info.number('MAX_PHYSMEM_BITS') ?? PHYSMEM_BITS[this.#levels]) - 12;
    return this.#frameBits;
  }

  readonly #nowhereText: Explain = ({ level, leadsTo }) => {
    const place = `0x${(leadsTo * PAGE_SIZE).toString(16)}`;
    const end = `0x${(this.limit * PAGE_SIZE).toString(16)}`;
    return `its ${this.names[level] ?? ''} entry points to ${place}, but the machine's memory ends at ${end}`;
  };

  readonly #tableText: Explain = ({ level, leadsTo }) => {
    const { message } = this.#host.frames.why(pfn(leadsTo));
    return `its ${this.#name(level - 1)} table at 0x${(leadsTo * PAGE_SIZE).toString(16)}: ${message}`;
  };

  readonly #badText: Explain = ({ level }) => `the ${this.#name(level)} entry is not valid`;

  readonly #swappedText: Explain = (run) => `the page has been swapped out${this.#pages.about(run)}`;

  #name(level: number): string {
    return this.names[level] ?? '';
  }
}

const NONCANONICAL: Explain = () => 'the host virtual address is not a user-space address';
const GONE: Explain = () => 'the address space that contained the VM is gone: its processes have exited';

const TABLE_REASON: Readonly<Record<FrameGap['reason'], Reason>> = {
  excluded: 'table-excluded',
  outside: 'table-outside',
  'cut-off': 'table-cut-off',
  undecodable: 'table-undecodable',
  unreadable: 'table-unreadable',
  absent: 'table-absent',
};

interface Meaning {
  readonly state: State;
  readonly reason: Reason;
  readonly explain: Explain;
}

const means = (state: State, reason: Reason, text: string): Meaning => ({ state, reason, explain: () => text });

const MEANINGS: Readonly<Record<SwapKind, Meaning>> = {
  swap: means('swapped', 'swap-entry', 'the page has been swapped out'),
  migration: means('migrating', 'migration-entry', 'the page was being migrated from the frame in the entry'),
  hwpoison: means('poisoned', 'hwpoison-entry', 'the frame in the entry has a memory error and is no longer used'),
  'device-private': means('not-present', 'device-private', 'the page is in the memory of a device'),
  'device-exclusive': means(
    'not-present',
    'device-exclusive',
    'a device has exclusive access to the frame in the entry',
  ),
  marker: means('marker', 'marker-entry', 'the entry is a marker (userfaultfd, guard, poison), not a page'),
  'swapin-error': means('marker', 'swapin-error', 'the page was lost: reading it back from swap failed'),
  unknown: means('damaged', 'bad-entry', 'the meaning of the entry is not known for this kernel'),
};
