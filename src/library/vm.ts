// SPDX-License-Identifier: Apache-2.0
import { rowOf, type SlotRow } from '../commands/slots.js';
import { gfn } from '../core/address.js';
import type { Selected } from '../kvm/select.js';
import { GuestTranslator } from '../translate/translator.js';
import { addressOf, pageOf } from './addresses.js';
import { type Answer, answerOf } from './answer.js';
import { Rows } from './rows.js';
import { Translator } from './translator.js';

/** First page number that no physical address has. */
const PAGES = 1n << 40n;

/**
 * A virtual machine of the dump. Its address spaces are KVM's: 0 is the ordinary one, 1, where there is one, is what
 * the guest sees in System Management Mode. Methods throw `UsageError` for an address space that does not exist, and
 * `DumpError` where the dump has not what is needed of the VM.
 */
export class Vm {
  /** The process through which it was named, or its holder. */
  readonly pid: number;
  /** The file descriptor by which that process holds it; null if descriptors can't be read. */
  readonly fd: number | null;
  /** Address of struct kvm. */
  readonly kvm: bigint;
  readonly #selected: Selected;
  readonly #translators = new Map<number, GuestTranslator>();

  private constructor(selected: Selected) {
    this.#selected = selected;
    this.pid = selected.pid;
    this.fd = selected.fd;
    this.kvm = selected.vm.address;
  }

  /** @internal */
  static of(selected: Selected): Vm {
    return new this(selected);
  }

  /** How many address spaces the kernel keeps for it. */
  get addressSpaces(): number {
    return this.#selected.vm.spaces;
  }

  /** The memslots of an address space, by guest physical address. */
  slots(addressSpace = 0): Rows<SlotRow> {
    const { vm, pid } = this.#selected;
    const { slots, missing } = vm.slots(addressSpace);
    return Rows.of(function* (note) {
      if (missing !== null) note(`memslots are missing: ${missing}`);
      let isWhole = missing === null;
      for (const slot of slots) {
        const row = rowOf(vm, slot, { pid, addressSpace });
        isWhole &&= row.problems.length === 0;
        yield row;
      }
      return isWhole;
    });
  }

  /**
   * Where a guest physical address (GPA), in bytes, was in the memory of the VM's process and in the machine, or why it was
   * nowhere. Throws `UsageError` for a number that is negative, has a fraction or is not exact.
   */
  translate(gpa: bigint | number, addressSpace = 0): Answer {
    const asked = addressOf(gpa, 'guest physical address');
    const translator = this.#translator(addressSpace);
    const { page, offset } = pageOf(asked);
    if (page < PAGES) translator.translate(gfn(Number(page)), offset);
    else translator.beyond(offset);
    return answerOf(asked, translator);
  }

  /** For many addresses: translates guest frames, with no allocation for each. */
  translator(addressSpace = 0): Translator {
    return Translator.of(this.#made(addressSpace));
  }

  #translator(addressSpace: number): GuestTranslator {
    const known = this.#translators.get(addressSpace);
    if (known !== undefined) return known;
    const made = this.#made(addressSpace);
    this.#translators.set(addressSpace, made);
    return made;
  }

  #made(addressSpace: number): GuestTranslator {
    return new GuestTranslator(this.#selected.vm, addressSpace);
  }
}
