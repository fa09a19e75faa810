// SPDX-License-Identifier: Apache-2.0
import { type Gfn, gfn, type Vpn } from '../core/address.js';
import type { FrameSource } from '../core/memory.js';
import type { Privacy } from '../kvm/attributes.js';
import type { MemslotSet } from '../kvm/memslots/set.js';
import type { Memslot } from '../kvm/memslots/slot.js';
import type { Vm } from '../kvm/vm.js';
import type { ContentsSource } from './contents.js';
import { GuestMemfds } from './guest-memfds.js';
import { BEYOND, type GuestRun, MutableGuestRun } from './guest-run.js';
import { GuestRuns } from './guest-runs.js';
import { MmSpace } from './mm-space.js';
import type { PageLookup, WalkStep } from './page-lookup.js';
import type { AddressSpace, Gap, RunCursor } from './space.js';

/**
 * A guest's physical memory in one of KVM's address spaces: memslots, on top of the memory of the process that created
 * the VM.
 */
export class GuestSpace implements AddressSpace<GuestRun> {
  readonly name: string;
  readonly limit: number;
  /** KVM's address space: 0, or 1 for SMM. */
  readonly addressSpace: number;
  readonly slots: MemslotSet;
  readonly #vm: Vm;
  readonly #memory: MmSpace;
  readonly #memfds: GuestMemfds;
  readonly #asked: MutableGuestRun;
  readonly #lookup: PageLookup;
  readonly #read: MutableGuestRun;
  readonly #reading: PageLookup;

  /** `addressSpace`: 0 is the normal one, 1 that of SMM. Throws what `Vm.slots` throws. */
  constructor(vm: Vm, addressSpace: number, memory = new MmSpace(vm.kvm.host, vm.mm)) {
    this.name = `memory of the guest of the VM at 0x${vm.address.toString(16)}, address space ${addressSpace}`;
    this.addressSpace = addressSpace;
    this.slots = vm.slots(addressSpace);
    const last = this.slots.slots.at(-1);
    this.limit = last === undefined ? 0 : Math.min(last.first + last.pages, BEYOND);
    this.#vm = vm;
    this.#memory = memory;
    this.#memfds = new GuestMemfds(memory.host, memory.caches);
    [this.#asked, this.#read] = [new MutableGuestRun(memory.deviceOf), new MutableGuestRun(memory.deviceOf)];
    [this.#lookup, this.#reading] = [memory.lookup(), memory.lookup()];
  }

  runs(first: number, end: number): RunCursor<MutableGuestRun> {
    return new GuestRuns({ vm: this.#vm, slots: this.slots, memory: this.#memory, memfds: this.#memfds }, first, end);
  }

  page(page: number): MutableGuestRun {
    this.#find(gfn(page), this.#asked, this.#lookup);
    return this.#asked;
  }

  /** The page-table entries that were read for the last answer of `page`, from the top table down. */
  get steps(): readonly WalkStep[] {
    return this.#lookup.stepsOf(this.#asked);
  }

  /** Whether the mapping of a page of host virtual memory is that of a device. */
  isDevice(page: Vpn): boolean {
    return this.#memory.isDevice(page);
  }

  /** The machine's memory. */
  get frames(): FrameSource {
    return this.#memory.frames;
  }

  /** Where the bytes are that were returned last. */
  get source(): ContentsSource {
    return this.#memory.source;
  }

  bytes(page: number): DataView | Gap {
    this.#find(gfn(page), this.#read, this.#reading);
    return this.#memory.bytesOf(this.#read);
  }

  /** A run that nothing is known of yet. */
  protected emptyRun(): MutableGuestRun {
    return new MutableGuestRun(this.#memory.deviceOf);
  }

  #find(page: Gfn, run: MutableGuestRun, lookup: PageLookup): void {
    run.page = page;
    const slot = page < BEYOND ? this.slots.find(page) : undefined;
    if (slot === undefined) {
      run.inNoSlot(this.slots);
      return;
    }
    run.slot = slot;
    const vpn = (slot.page + (page - slot.first)) as Vpn;
    const isPrivate = slot.memfd === 'none' ? false : this.#isPrivate(slot, page);
    if (isPrivate === false) {
      lookup.find(vpn, run);
      return;
    }
    run.vpn = vpn;
    if (isPrivate === null) run.maybeInMemfd();
    else run.inMemfd(isPrivate, this.#memfds.find(slot, page, page + 1));
  }

  #isPrivate(slot: Memslot, page: Gfn): Privacy | 'all' {
    return slot.memfd === 'all' ? 'all' : this.#vm.attributes.isPrivate(page);
  }
}
