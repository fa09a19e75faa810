// SPDX-License-Identifier: Apache-2.0
import { type Gfn, PAGE_SIZE, type Pfn, pfn, type Vpn } from '../core/address.js';
import { orNull } from '../core/errors.js';
import { type FrameGap, type FrameSource, readOf } from '../core/memory.js';
import type { Reason, State } from '../core/outcome.js';
import type { Host } from '../kernel/host.js';
import { meaningOf } from '../kernel/pte.js';
import { Swap } from '../kernel/swap.js';
import type { SwapKind } from '../kernel/swap-kinds.js';
import { findVma, type Vma } from '../kernel/vma.js';
import type { MemslotSet } from '../kvm/memslots/set.js';
import type { Memslot } from '../kvm/memslots/slot.js';
import type { Vm } from '../kvm/vm.js';
import { levelNames } from '../paging/form.js';
import { PageWalker, Walk } from '../paging/walker.js';
import type { Answer, WalkStep } from './answer.js';

/** MAX_PHYSMEM_BITS where the kernel does not tell: 46 with 4 levels, 52 with 5 (arch/x86/include/asm/sparsemem.h). */
const PHYSMEM_BITS = { 4: 46, 5: 52 } as const;
const TABLE_REASON: Readonly<Record<FrameGap['reason'], Reason>> = {
  excluded: 'table-excluded',
  outside: 'table-outside',
  'cut-off': 'table-cut-off',
  undecodable: 'table-undecodable',
  unreadable: 'table-unreadable',
};

/**
 * The main road: guest physical address, memslot, host virtual address, page tables, host physical address. One object
 * answers one address after the other; the answer stands in its fields until the next is asked for.
 */
export class Road implements Answer {
  state: State = 'no-memslot';
  reason: Reason | null = null;
  slot: Memslot | null = null;
  page: Vpn | null = null;
  offset = 0;
  frame: Pfn | null = null;
  pageSize: number | null = null;
  protNone = false;
  swap: Answer['swap'] = null;
  /** Lowest level whose entry was read; one above the top where none was. */
  #lowest = 0;
  /** What stands in the way, found when it is asked for. */
  #explain: (() => string) | null = null;

  readonly slots: MemslotSet;
  readonly #vm: Vm;
  readonly #frames: FrameSource;
  /** First frame that is no memory of the machine. */
  readonly #limit: number;
  readonly #walker: PageWalker;
  readonly #root: Pfn;
  readonly #host: Host;
  readonly #userPages: number;
  readonly #names: readonly string[];
  #swap: Swap | null = null;
  #vma: Vma | null = null;

  constructor(host: Host, vm: Vm, space: number) {
    const { form } = host.memory;
    this.#host = host;
    this.#vm = vm;
    this.slots = vm.slots(space);
    this.#frames = host.frames;
    this.#limit = host.frames.limit ?? Infinity;
    this.#walker = new PageWalker(host.frames, form);
    this.#root = vm.mm.root;
    // The lower half of the canonical addresses belongs to processes.
    this.#userPages = 2 ** (9 * form.levels - 1);
    this.#names = levelNames(form.levels);
  }

  /** Answers for a guest frame; `offset` is the byte inside it. */
  translate(frame: Gfn, offset = 0): State {
    this.offset = offset;
    const slot = this.slots.find(frame);
    if (slot === undefined) return this.#noSlot('no-slot');
    this.slot = slot;
    const page = slot.page + (frame - slot.first);
    this.page = page as Vpn;
    if (slot.memfd !== 'none' && this.#inMemfd(slot, frame)) return this.state;
    if (page >= this.#userPages)
      return this.#end(
        'noncanonical',
        'hva-noncanonical',
        this.#walker.top + 1,
        () => 'the host virtual address is none of a process',
      );
    const walker = this.#walker;
    const status = walker.walk(this.#root, page as Vpn);
    if (status !== Walk.Mapped) return this.#notMapped(status);
    if (walker.frame >= this.#limit && !this.#isKnown(walker.frame) && !this.#isDevice(page))
      return this.#nowhere(walker.level);
    this.state = 'mapped';
    this.reason = null;
    this.frame = walker.frame;
    this.pageSize = PAGE_SIZE * 512 ** walker.level;
    this.protNone = walker.protNone;
    this.swap = null;
    this.#lowest = walker.level;
    this.#explain = null;
    return 'mapped';
  }

  /** Answers for an address that no guest frame number can name. */
  beyond(offset: number): State {
    this.offset = offset;
    return this.#noSlot('beyond-physical');
  }

  get message(): string | null {
    return this.#explain === null ? null : this.#explain();
  }

  get steps(): readonly WalkStep[] {
    const steps: WalkStep[] = [];
    const { lo, hi, top } = this.#walker;
    for (let level = top; level >= this.#lowest; level--)
      steps.push({
        level: this.#names[level] as string,
        address: this.#walker.entryAddress(level, this.page as Vpn),
        hi: hi[level] as number,
        lo: lo[level] as number,
      });
    return steps;
  }

  /** The same answer, to keep. */
  snapshot(): Answer {
    const { state, reason, message, slot, page, offset, frame, pageSize, protNone, steps, swap } = this;
    return { state, reason, message, slot, page, offset, frame, pageSize, protNone, steps, swap };
  }

  #end(state: State, reason: Reason, lowest: number, explain: () => string): State {
    this.frame = null;
    this.pageSize = null;
    this.protNone = false;
    this.swap = null;
    this.#lowest = lowest;
    this.#explain = explain;
    this.reason = reason;
    this.state = state;
    return state;
  }

  #noSlot(reason: 'no-slot' | 'beyond-physical'): State {
    this.slot = null;
    this.page = null;
    const none = this.#walker.top + 1;
    if (reason === 'beyond-physical')
      return this.#end('no-memslot', reason, none, () => 'no guest physical address reaches 2^52');
    const { missing } = this.slots;
    if (missing === null)
      return this.#end('no-memslot', reason, none, () => 'no memslot of this address space holds it');
    return this.#end(
      'slots-missing',
      'slot-unreadable',
      none,
      () => `no memslot that can be read holds it: ${missing}`,
    );
  }

  /** Of a slot with guest_memfd only pages known to be shared are at their HVA. */
  #inMemfd(slot: Memslot, frame: Gfn): boolean {
    const none = this.#walker.top + 1;
    const end = (reason: Reason, text: string) => this.#end('guest-memfd', reason, none, () => text);
    if (slot.memfd === 'all') {
      end('gmem-only', 'all pages of this slot are in its guest_memfd, not at the host virtual address');
      return true;
    }
    const secret = this.#vm.isPrivate(frame);
    if (secret === false) return false;
    if (secret) end('gmem-private', 'the page is private: it is in the guest_memfd, not at the host virtual address');
    else end('gmem-attribute-unreadable', 'whether the page is private, and so in the guest_memfd, can not be read');
    return true;
  }

  /** Whether the kernel knows of memory there: what was added after kdump was set up is not in the dump. */
  #isKnown(frame: Pfn): boolean {
    const { symbols, memory } = this.#host;
    const end = orNull(() => {
      const variable = symbols.get('max_pfn');
      return variable === undefined ? null : readOf(memory, variable, 8, 'max_pfn').u64(0);
    });
    return end !== null && BigInt(frame) < end;
  }

  /** Whether frames beyond the machine's memory can be mapped there: a device's. */
  #isDevice(page: number): boolean {
    const vma = this.#vmaOf(page);
    return vma !== null && (vma.flags & DEVICE_FLAGS) !== 0n;
  }

  /** `level`: of the entry that leads there. */
  #nowhere(level: number): State {
    const { frame } = this.#walker;
    const place = `0x${(frame * PAGE_SIZE).toString(16)}`;
    const end = `0x${(this.#limit * PAGE_SIZE).toString(16)}`;
    return this.#end(
      'damaged',
      'bad-entry',
      level,
      () => `its ${this.#names[level] ?? ''} entry leads to ${place}, the machine's memory ends at ${end}`,
    );
  }

  #notMapped(status: Walk): State {
    const { level, frame } = this.#walker;
    const name = this.#names[level] as string;
    switch (status) {
      case Walk.TableMissing: {
        if (frame >= this.#limit && !this.#isKnown(frame)) return this.#nowhere(level + 1);
        const { reason, message } = this.#frames.why(frame);
        return this.#end(
          'table-missing',
          TABLE_REASON[reason],
          level + 1,
          () => `its ${name} table at 0x${(frame * PAGE_SIZE).toString(16)}: ${message}`,
        );
      }
      case Walk.Empty:
        return this.#vm.mm.users === 0
          ? this.#end(
              'not-present',
              'address-space-gone',
              level,
              () => 'the address space that held the VM has been torn down: its processes have exited',
            )
          : this.#end('not-present', 'empty-entry', level, () => this.#emptyText(name));
      case Walk.Special:
        return this.#special(level);
      default:
        return this.#end('damaged', 'bad-entry', level, () => `the ${name} entry can be none of a page table`);
    }
  }

  /** What an empty entry means depends on the mapping: what is shared or of a file has pages that no table leads to. */
  #emptyText(name: string): string {
    const text = `the ${name} entry is empty`;
    const vma = this.#vmaOf(this.page as number);
    if (vma === null) return `${text}: the page table maps nothing there`;
    if (vma.file !== 0n || (vma.flags & VM_SHARED) !== 0n)
      return `${text}: the page table maps nothing there; the page may be in the page cache or in swap`;
    return `${text}: no page has been put there`;
  }

  /** The mapping that holds a page; null where there is none, and where that can't be read. */
  #vmaOf(page: number): Vma | null {
    const address = BigInt(page) * BigInt(PAGE_SIZE);
    const last = this.#vma;
    if (last !== null && address >= last.start && address < last.end) return last;
    this.#vma = orNull(() => findVma(this.#host, this.#vm.mm, address));
    return this.#vma;
  }

  #special(level: number): State {
    this.#swap ??= new Swap(this.#host);
    const swap = this.#swap;
    const { lo, hi } = this.#walker;
    const bits = Number(this.#host.info.number('MAX_PHYSMEM_BITS') ?? PHYSMEM_BITS[this.#host.memory.form.levels]) - 12;
    const { kind, entry, frame } = meaningOf(lo[level] as number, hi[level] as number, swap, bits);
    // A whole table's worth of pages is never swapped out by one entry.
    const { state, reason, text } = MEANINGS[kind === 'swap' && level > 0 ? 'unknown' : kind];
    this.#end(state, reason, level, () => text);
    if (frame !== null) this.frame = pfn(frame + (level > 0 ? (this.page as number) % 512 ** level : 0));
    if (state === 'swapped') this.swap = { ...entry, device: swap.device(entry.type) };
    return state;
  }
}

const VM_SHARED = 0x8n;
/** VM_PFNMAP, VM_IO, VM_MIXEDMAP (include/linux/mm.h). */
const DEVICE_FLAGS = 0x400n | 0x4000n | 0x10000000n;

const MEANINGS: Readonly<Record<SwapKind, { readonly state: State; readonly reason: Reason; readonly text: string }>> =
  {
    swap: { state: 'swapped', reason: 'swap-entry', text: 'the page has been swapped out' },
    migration: { state: 'migrating', reason: 'migration-entry', text: 'the page was being moved from the frame given' },
    hwpoison: {
      state: 'poisoned',
      reason: 'hwpoison-entry',
      text: 'the frame given has a memory error and was taken away',
    },
    'device-private': { state: 'not-present', reason: 'device-private', text: 'the page is in the memory of a device' },
    'device-exclusive': {
      state: 'not-present',
      reason: 'device-exclusive',
      text: 'a device holds the frame given for itself',
    },
    marker: {
      state: 'marker',
      reason: 'marker-entry',
      text: 'a marker stands there (userfaultfd, guard, poison), no page',
    },
    'swapin-error': {
      state: 'marker',
      reason: 'swapin-error',
      text: 'the page was lost: reading it back from swap failed',
    },
    unknown: {
      state: 'damaged',
      reason: 'bad-entry',
      text: 'an entry of a type that this kernel could not be asked about',
    },
  };
