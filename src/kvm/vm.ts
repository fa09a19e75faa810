// SPDX-License-Identifier: Apache-2.0
import { DumpError, during, orNull, UsageError } from '../core/errors.js';
import { usualXaNodes, xaNodes } from '../kernel/containers/xarray.js';
import type { Host } from '../kernel/host.js';
import { type Mm, readMm } from '../kernel/mm.js';
import { type AttributeArray, Attributes } from './attributes.js';
import { type Kvm, readKvm } from './kvm.js';
import { slotReader } from './memslots/index.js';
import type { ReadSlots } from './memslots/reader.js';
import { MemslotSet } from './memslots/set.js';

/** KVM_MAX_NR_ADDRESS_SPACES is at most 2. A larger number than this is damage. */
const MOST_SPACES = 16;

/** The array of attributes whose xa_head has this value; null if the types do not say what its nodes are. */
function attributesOf({ memory, types }: Host, head: bigint): AttributeArray | null {
  // An empty array, that of all guests without private memory, has no nodes.
  if (head === 0n) return { memory, at: usualXaNodes(), head };
  return types.sizeOf('xa_node') === null ? null : { memory, at: xaNodes(types), head };
}

/** A virtual machine: its memslots, and the address space of the process that they are in. */
class KvmVm {
  /**
   * The address space of the creator. The HVAs of slots are addresses in it, whichever process holds the VM's file now.
   */
  readonly mm: Mm;
  /** Which guest frames are private. */
  readonly attributes: Attributes;

  constructor(
    readonly kvm: Kvm,
    /** Address of struct kvm. */
    readonly address: bigint,
  ) {
    const bytes = readKvm(kvm, address);
    const { at, host } = kvm;
    const { mm, attributes } = during(`VM at 0x${address.toString(16)}`, () => ({
      mm: readMm(host, bytes.u64(at.mm.offset)),
      attributes: at.attributes === null ? null : attributesOf(host, bytes.u64(at.attributes.offset)),
    }));
    this.mm = mm;
    this.attributes = new Attributes(attributes);
  }

  /** Number of KVM's address spaces: 2 if KVM supports SMM. Throws `DumpError` for an impossible number. */
  get spaces(): number {
    const { kind, count } = this.kvm.at.memslots;
    if (kind !== 'pointer') return 1;
    if (count < 1 || count > MOST_SPACES)
      throw new DumpError(
        `${this.kvm.host.types.source}: struct kvm has ${count} sets of memslots; from 1 to ${MOST_SPACES} are supported`,
        {
          code: 'unsupported',
        },
      );
    return count;
  }

  /**
   * The slots of an address space: 0 is the normal one, 1 is that of SMM. Throws `UsageError` for a number that does
   * not exist, `DumpError` for damaged slots.
   */
  slots(space: number): MemslotSet {
    if (!Number.isInteger(space) || space < 0 || space >= this.spaces)
      throw new UsageError(
        `${space} does not exist; valid: ${Array.from({ length: this.spaces }, (_, i) => i).join(', ')}`,
        { wrong: 'address-space' },
      );
    return during(`memslots of the VM at 0x${this.address.toString(16)}`, () => {
      const own = this.#read(space);
      return new MemslotSet({ ...own, missing: this.#missing(space, own) });
    });
  }

  #read(space: number): ReadSlots {
    const { host, at } = this.kvm;
    const { kind, offset, element } = at.memslots;
    const memslots = kind === 'pointer' ? readKvm(this.kvm, this.address).u64(offset + space * element) : this.address;
    return slotReader(host.types).read(host.memory, host.types, memslots);
  }

  /**
   * The reason why slots may be missing; null if none is. struct kvm has the number of pages in the slots of all
   * address spaces (nr_memslot_pages). If the slots that were read have that number of pages, none is missing, even if
   * a node could not be read. If they have fewer pages, slots are missing. If they have more, and one slot is as large
   * as the difference, KVM was adding that slot and had not counted it yet.
   */
  #missing(space: number, own: ReadSlots): string | null {
    const { pages } = this.kvm.at;
    const counted = pages?.size === 8 ? orNull(() => Number(readKvm(this.kvm, this.address).u64(pages.offset))) : null;
    if (counted === null) return own.missing;
    const others = Array.from({ length: this.spaces }, (_, i) => i).filter((i) => i !== space);
    const sets = orNull(() => [own, ...others.map((other) => this.#read(other))]);
    if (sets === null) return own.missing;
    const slots = sets.flatMap((set) => set.slots);
    const sum = slots.reduce((total, slot) => total + slot.pages, 0);
    if (sum === counted) return null;
    if (sets.some(({ missing }) => missing !== null)) return own.missing;
    const difference = `struct kvm records 0x${counted.toString(16)} pages in memslots, but 0x${sum.toString(16)} were found`;
    if (sum < counted) return difference;
    if (slots.some((slot) => slot.pages === sum - counted)) return null;
    throw new DumpError(`${difference}: the dump is damaged there`);
  }
}

// The library has a class Vm: in the bundle of both, one could not keep its name, and stack traces would show another.
export { KvmVm as Vm };
