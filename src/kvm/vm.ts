// SPDX-License-Identifier: Apache-2.0
import type { Gfn } from '../core/address.js';
import { DumpError, during } from '../core/errors.js';
import { type Mm, readMm } from '../kernel/mm.js';
import { type XaNodeFields, xaNodes, xarrayEntry } from '../kernel/xarray.js';
import { type Kvm, readKvm } from './kvm.js';
import { slotReader } from './memslots/index.js';
import { MemslotSet } from './memslots/set.js';

/** Bit of a frame's attributes (include/uapi/linux/kvm.h, KVM_MEMORY_ATTRIBUTE_PRIVATE). */
const PRIVATE = 1n << 3n;

/** A virtual machine: its slots and the address space they lie in. */
export class Vm {
  /** The creator's address space: where the slots' HVAs are, whoever holds the VM's file now. */
  readonly mm: Mm;
  readonly #attributes: bigint | null;
  readonly #xaNode: XaNodeFields | null;

  constructor(
    readonly kvm: Kvm,
    /** Of struct kvm. */
    readonly address: bigint,
  ) {
    const bytes = readKvm(kvm, address);
    const { at, host } = kvm;
    this.mm = during(`VM at 0x${address.toString(16)}`, () => readMm(host, bytes.u64(at.mm.offset)));
    this.#attributes = at.attributes === null ? null : bytes.u64(at.attributes.offset);
    this.#xaNode = at.attributes === null || host.types.sizeOf('xa_node') === null ? null : xaNodes(host.types);
  }

  /** How many address spaces the kernel keeps: 2 where KVM knows SMM. */
  get spaces(): number {
    const { kind, count } = this.kvm.at.memslots;
    return kind === 'pointer' ? count : 1;
  }

  /** The slots of an address space: 0 is the ordinary one, 1 that of SMM. */
  slots(space: number): MemslotSet {
    const { host, at } = this.kvm;
    if (space >= this.spaces) throw new DumpError(`address space ${space}: this kernel's KVM has ${this.spaces}`);
    return during(`memslots of the VM at 0x${this.address.toString(16)}`, () => {
      const { kind, offset, element } = at.memslots;
      const memslots =
        kind === 'pointer' ? readKvm(this.kvm, this.address).u64(offset + space * element) : this.address;
      return new MemslotSet(slotReader(host.types).read(host.memory, host.types, memslots));
    });
  }

  /** Whether a guest frame's page is private, so in its guest_memfd; null when that can't be read. */
  isPrivate(frame: Gfn): boolean | null {
    if (this.#attributes === null || this.#xaNode === null) return null;
    try {
      const entry = xarrayEntry(this.kvm.host.memory, this.#xaNode, this.#attributes, BigInt(frame));
      // Attributes are value entries: bit 0 set, the number above it.
      return entry === 0n ? false : (entry & 1n) === 1n ? ((entry >> 1n) & PRIVATE) !== 0n : null;
    } catch (error) {
      if (error instanceof DumpError) return null;
      throw error;
    }
  }
}
