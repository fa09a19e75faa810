// SPDX-License-Identifier: Apache-2.0
import { gfn, type Vpn } from '../core/address.js';
import { lowerBound } from '../core/search.js';
import type { Memslot } from '../kvm/memslots/slot.js';
import type { Vm } from '../kvm/vm.js';

/** A VM, as owners are named by it. */
export interface NamedVm {
  readonly vm: Vm;
  /** What -g takes; null if it is not known. */
  readonly pid: number | null;
  /** The guest's name; null if it has none, or it is not in the dump. */
  readonly name: string | null;
}

/** A memslot, and the address space that it is in. */
export interface PlacedSlot {
  readonly of: NamedVm;
  readonly addressSpace: number;
  readonly slot: Memslot;
}

/** The memslots of all VMs whose memory is that of one process, by virtual page. They can overlap. */
export class SlotIndex {
  readonly #slots: readonly PlacedSlot[];
  /** For each slot, the highest end of it and of those before it. */
  readonly #ends: Float64Array;

  constructor(slots: readonly PlacedSlot[]) {
    this.#slots = [...slots].sort((a, b) => a.slot.page - b.slot.page);
    this.#ends = new Float64Array(slots.length);
    let end = 0;
    for (const [i, { slot }] of this.#slots.entries()) {
      end = Math.max(end, slot.page + slot.pages);
      this.#ends[i] = end;
    }
  }

  /** The virtual pages of each slot, ascending. */
  get ranges(): readonly { readonly first: number; readonly end: number }[] {
    return this.#slots.map(({ slot }) => ({ first: slot.page, end: slot.page + slot.pages }));
  }

  /** The slots in which a page is guest memory; not those whose page is in a guest_memfd instead, or may be. */
  at(page: Vpn): PlacedSlot[] {
    const found: PlacedSlot[] = [];
    const slots = this.#slots;
    for (let i = lowerBound(slots.length, (k) => (slots[k] as PlacedSlot).slot.page > page) - 1; i >= 0; i--) {
      if ((this.#ends[i] as number) <= page) break;
      const placed = slots[i] as PlacedSlot;
      if (page < placed.slot.page + placed.slot.pages && isShared(placed, page)) found.push(placed);
    }
    return found.sort((a, b) => a.addressSpace - b.addressSpace || a.slot.first - b.slot.first);
  }
}

/** Guest frame of a virtual page that a slot has. */
export const guestFrame = ({ slot }: PlacedSlot, page: number): number => slot.first + (page - slot.page);

/** Whether the guest's page is the one at the virtual address. */
function isShared(placed: PlacedSlot, page: Vpn): boolean {
  const { slot, of } = placed;
  if (slot.memfd === 'none') return true;
  return slot.memfd === 'some' && of.vm.attributes.isPrivate(gfn(guestFrame(placed, page))) === false;
}
