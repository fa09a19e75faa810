// SPDX-License-Identifier: Apache-2.0
import { rowOf, type SlotRow } from '../commands/slots.js';
import type { Selected } from '../kvm/select.js';
import type { GuestSpace } from '../spaces/guest-space.js';
import { guestSpaceOf } from '../spaces/spaces.js';
import { addressOf, pageOf } from './addresses.js';
import { type Answer, answerOf } from './answer.js';
import { spaceOf } from './choice.js';
import type { Lifetime } from './lifetime.js';
import { Rows } from './rows.js';
import { Space } from './space.js';
import { Translator } from './translator.js';

/**
 * A virtual machine of the dump. Its address spaces are KVM's: 0 is the normal one; 1, if it exists, is the one that the
 * guest sees in System Management Mode (SMM). Methods throw `UsageError` for an address space that does not exist, and
 * `DumpError` if the dump lacks what they need.
 */
export class Vm {
  /** Pid of the process by which it was selected, or of its holder. */
  readonly pid: number;
  /** The file descriptor by which that process holds it; null if descriptors can't be read. */
  readonly fd: number | null;
  /** Address of struct kvm. */
  readonly kvm: bigint;
  readonly #selected: Selected;
  readonly #lifetime: Lifetime;
  readonly #spaces = new Map<number, GuestSpace>();

  private constructor(selected: Selected, lifetime: Lifetime) {
    this.#selected = selected;
    this.#lifetime = lifetime;
    this.pid = selected.pid;
    this.fd = selected.fd;
    this.kvm = selected.vm.address;
  }

  /** @internal */
  static of(selected: Selected, lifetime: Lifetime): Vm {
    return new this(selected, lifetime);
  }

  /** Number of its address spaces. */
  get addressSpaces(): number {
    return this.#selected.vm.spaces;
  }

  /** The memslots of an address space, by guest physical address. */
  slots(addressSpace = 0): Rows<SlotRow> {
    this.#lifetime.check();
    const { vm, pid } = this.#selected;
    const { slots, missing } = vm.slots(spaceOf(addressSpace));
    return Rows.of(function* (note) {
      if (missing !== null) note(`memslots are missing: ${missing}`);
      let isWhole = missing === null;
      for (const slot of slots) {
        const row = rowOf(vm, slot, { pid, addressSpace });
        isWhole &&= row.problems.length === 0;
        yield row;
      }
      return isWhole;
    }, this.#lifetime);
  }

  /**
   * Translates a guest physical address (GPA), in bytes, to the address in the memory of the VM's process and in the
   * machine, or to the reason why it has none. Throws `UsageError` for anything but a bigint or an exact number that is
   * not negative.
   */
  translate(gpa: bigint | number, addressSpace = 0): Answer {
    this.#lifetime.check();
    const asked = addressOf(gpa, 'guest physical address');
    const space = this.#space(addressSpace);
    // Not exact from page 2^53 on, but the answer is the same for all pages from 2^40 on.
    const answer = space.page(Number(pageOf(asked).page));
    return answerOf(asked, answer, space.steps);
  }

  /** For many addresses: translates guest frames, with no allocation for each. */
  translator(addressSpace = 0): Translator {
    this.#lifetime.check();
    return Translator.of(this.#make(addressSpace), this.#lifetime);
  }

  /** The memory of the guest: its pages as runs, and their bytes. */
  space(addressSpace = 0): Space {
    this.#lifetime.check();
    this.#space(addressSpace);
    return Space.of(() => this.#make(addressSpace), this.#lifetime);
  }

  #space(addressSpace: number): GuestSpace {
    const known = this.#spaces.get(addressSpace);
    if (known !== undefined) return known;
    const space = this.#make(addressSpace);
    this.#spaces.set(addressSpace, space);
    return space;
  }

  #make(addressSpace: number): GuestSpace {
    return guestSpaceOf(this.#selected.vm, spaceOf(addressSpace));
  }
}
