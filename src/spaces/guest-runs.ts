// SPDX-License-Identifier: Apache-2.0
import type { Cached } from '../caches/page-cache.js';
import { type Gfn, gfn, type Vpn } from '../core/address.js';
import type { PrivacyRun } from '../kvm/attributes.js';
import type { MemslotSet } from '../kvm/memslots/set.js';
import type { Memslot } from '../kvm/memslots/slot.js';
import type { Vm } from '../kvm/vm.js';
import type { GuestMemfds } from './guest-memfds.js';
import { BEYOND, MutableGuestRun } from './guest-run.js';
import type { MmRuns } from './mm-runs.js';
import type { MmSpace } from './mm-space.js';
import { RunCursor } from './space.js';

/** What a guest's memory consists of. */
export interface Guest {
  readonly vm: Vm;
  readonly slots: MemslotSet;
  readonly memory: MmSpace;
  readonly memfds: GuestMemfds;
}

/** The runs of a range of a guest's memory: holes, pages in a guest_memfd, and the runs of the process's memory. */
export class GuestRuns extends RunCursor<MutableGuestRun> {
  readonly #vm: Vm;
  readonly #slots: MemslotSet;
  readonly #memfds: GuestMemfds;
  readonly #memory: MmRuns<MutableGuestRun>;
  #at: Gfn;
  readonly #end: number;
  /** The runs of a slot with guest_memfd that are still to come. */
  #privacy: Iterator<PrivacyRun> | null = null;
  /** The end of the private frames, all in one slot, that the run is among. */
  #privateEnd = 0;
  /** Whether the run is one of the process's memory. */
  #isInMemory = false;
  /** Of such a run: guest frame minus page number in the process. */
  #shift = 0;

  constructor({ vm, slots, memory, memfds }: Guest, first: number, end: number) {
    super(new MutableGuestRun(memory.deviceOf));
    this.#vm = vm;
    this.#slots = slots;
    this.#memfds = memfds;
    this.#memory = memory.cursor(this.run);
    this.#at = gfn(first);
    this.#end = end;
  }

  advance(): boolean {
    while (!this.#isInMemory || !this.#memory.advance()) {
      if (this.#at >= this.#end) {
        this.#isInMemory = false;
        return false;
      }
      this.#isInMemory = this.#begin();
      if (!this.#isInMemory) return true;
    }
    this.run.page = this.run.vpn + this.#shift;
    return true;
  }

  /**
   * Continues after the last run: returns true if runs of the process's memory come next, false if `run` is the next.
   */
  #begin(): boolean {
    const { run } = this;
    const at = this.#at;
    run.page = at;
    const slot = at < BEYOND ? this.#slots.find(at) : undefined;
    if (slot === undefined) return this.#hole(at);
    run.slot = slot;
    run.vpn = (slot.page + (at - slot.first)) as Vpn;
    const end = Math.min(slot.first + slot.pages, BEYOND, this.#end);
    if (slot.memfd === 'some') return this.#memfd(slot, end);
    if (slot.memfd === 'none') return this.#enter(slot, end);
    return this.#inMemfd(slot, 'all', end);
  }

  #hole(at: Gfn): false {
    const next = at < BEYOND ? Math.min(this.#slots.after(at)?.first ?? BEYOND, BEYOND) : this.#end;
    this.#take(Math.min(next, this.#end));
    this.run.inNoSlot(this.#slots);
    return false;
  }

  #memfd(slot: Memslot, slotEnd: number): boolean {
    if (this.#at >= this.#privateEnd) {
      this.#privacy ??= this.#vm.attributes.runs(this.#at, gfn(slotEnd));
      // The last privacy run ends at the end of the slot.
      const { end, isPrivate } = this.#privacy.next().value as PrivacyRun;
      if (end === slotEnd) this.#privacy = null;
      if (isPrivate === false) return this.#enter(slot, end);
      if (isPrivate === null) {
        this.#take(end);
        this.run.maybeInMemfd();
        return false;
      }
      this.#privateEnd = end;
    }
    return this.#inMemfd(slot, true, this.#privateEnd);
  }

  /** Sets the run to the next pages of a guest_memfd whose frames follow each other, or that have none. */
  #inMemfd(slot: Memslot, isPrivate: true | 'all', end: number): false {
    const at = this.#at;
    const found = this.#memfds.find(slot, at, end);
    const frame = frameOf(found);
    let stop = found.end;
    while (stop < end) {
      const next = this.#memfds.find(slot, gfn(stop), end);
      if (frameOf(next) !== (frame === null ? null : frame + stop - at)) break;
      stop = next.end;
    }
    this.#take(stop);
    this.run.inMemfd(isPrivate, found);
    return false;
  }

  #enter(slot: Memslot, end: number): true {
    const { vpn } = this.run;
    this.#memory.over(vpn, (vpn + (end - this.#at)) as Vpn);
    this.#shift = slot.first - slot.page;
    this.#at = gfn(end);
    return true;
  }

  #take(end: number): void {
    this.run.pages = end - this.#at;
    this.#at = gfn(end);
  }
}

const frameOf = (found: Cached): number | null => (found.kind === 'page' ? found.frame : null);
