// SPDX-License-Identifier: Apache-2.0
import type { Gfn, Pfn, Vpn } from '../core/address.js';
import type { Reason, State } from '../core/outcome.js';
import type { MemslotSet } from '../kvm/memslots/set.js';
import type { Memslot } from '../kvm/memslots/slot.js';
import type { Vm } from '../kvm/vm.js';
import { BEYOND, type GuestRun } from '../spaces/guest-run.js';
import { GuestSpace } from '../spaces/guest-space.js';
import type { MmSpace } from '../spaces/mm-space.js';
import type { WalkStep } from '../spaces/page-lookup.js';
import { guestSpaceOf } from '../spaces/spaces.js';
import type { Answer } from './answer.js';

/**
 * Translates guest physical addresses: memslot, host virtual address, page tables, host physical address. The object is
 * itself the answer for the last address.
 */
export class GuestTranslator implements Answer {
  offset = 0;
  readonly #space: GuestSpace;
  #answer: GuestRun;

  constructor(vm: Vm, addressSpace: number, memory?: MmSpace) {
    this.#space = memory === undefined ? guestSpaceOf(vm, addressSpace) : new GuestSpace(vm, addressSpace, memory);
    this.#answer = this.#space.page(BEYOND);
  }

  /** The memory that is translated; its answers are those of this object. */
  get space(): GuestSpace {
    return this.#space;
  }

  get slots(): MemslotSet {
    return this.#space.slots;
  }

  /** Translates an address given as guest frame and `offset` in the frame. */
  translate(frame: Gfn, offset = 0): State {
    this.offset = offset;
    this.#answer = this.#space.page(frame);
    return this.#answer.state;
  }

  /** The answer for an address beyond the physical address space, which has no guest frame number. */
  beyond(offset: number): State {
    this.offset = offset;
    this.#answer = this.#space.page(BEYOND);
    return this.#answer.state;
  }

  get state(): State {
    return this.#answer.state;
  }

  get reason(): Reason | null {
    return this.#answer.reason;
  }

  get message(): string | null {
    return this.#answer.message;
  }

  get slot(): Memslot | null {
    return this.#answer.slot;
  }

  get page(): Vpn | null {
    return this.#answer.hva;
  }

  get frame(): Pfn | null {
    return this.#answer.frame;
  }

  get pageSize(): number | null {
    return this.#answer.pageSize;
  }

  get protNone(): boolean {
    return this.#answer.protNone;
  }

  get steps(): readonly WalkStep[] {
    return this.#space.steps;
  }

  get swap(): Answer['swap'] {
    return this.#answer.swap;
  }

  /** A copy of the answer, which stays valid. */
  snapshot(): Answer {
    const { state, reason, message, slot, page, offset, frame, pageSize, protNone, steps, swap } = this;
    return { state, reason, message, slot, page, offset, frame, pageSize, protNone, steps, swap };
  }
}
