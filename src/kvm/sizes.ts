// SPDX-License-Identifier: Apache-2.0
// Sizes of the memory of VMs, by their memslots.
import { orProblem } from './about.js';
import type { Kvm } from './kvm.js';
import type { Memslot } from './memslots/slot.js';
import { Vm } from './vm.js';

/** The slots of one address space of KVM. */
export interface SpaceSize {
  /** Its number: 0, or 1 for SMM. */
  readonly addressSpace: number;
  /** Number of memslots, including those that KVM made for itself; null if slots may be missing. */
  readonly slots: number | null;
  /** Their total size in bytes; null if slots may be missing. */
  readonly bytes: number | null;
}

/** The sizes of the memory of a VM. */
export interface SlotSizes {
  /** Bytes in the slots of address space 0, except those that KVM made for itself; null if slots may be missing. */
  readonly memory: number | null;
  /** The address spaces that have slots; null if it is not known which. */
  readonly spaces: readonly SpaceSize[] | null;
  /** Whether all slots are known. */
  readonly isWhole: boolean;
}

/**
 * Reads the sizes of the memory of a VM. Those of a space are null if slots may be missing, because a part would look like
 * all; `problems` gets the reason.
 */
export function slotSizes(kvm: Kvm, address: bigint, problems: string[]): SlotSizes {
  const vm = orProblem(problems, null, () => new Vm(kvm, address));
  const number = vm === null ? null : orProblem(problems, null, () => vm.spaces);
  if (vm === null || number === null) return { memory: null, spaces: null, isWhole: false };
  let memory: number | null = null;
  const spaces: SpaceSize[] = [];
  for (let addressSpace = 0; addressSpace < number; addressSpace++) {
    const slots = allSlots(vm, addressSpace, problems);
    if (slots?.length !== 0) spaces.push(sizeOf(addressSpace, slots));
    if (addressSpace === 0 && slots !== null) memory = guestMemory(slots);
  }
  return { memory, spaces, isWhole: spaces.every(({ slots }) => slots !== null) };
}

/** The size of one address space, as by `slotSizes`. */
export const spaceSize = (vm: Vm, addressSpace: number, problems: string[]): SpaceSize =>
  sizeOf(addressSpace, allSlots(vm, addressSpace, problems));

const sizeOf = (addressSpace: number, slots: readonly Memslot[] | null): SpaceSize => ({
  addressSpace,
  slots: slots?.length ?? null,
  bytes: slots?.reduce((sum, { pages }) => sum + pages * 4096, 0) ?? null,
});

/** All slots of an address space; null if some may be missing. */
function allSlots(vm: Vm, addressSpace: number, problems: string[]): readonly Memslot[] | null {
  const set = orProblem(problems, null, () => vm.slots(addressSpace));
  if (set === null || set.missing === null) return set?.slots ?? null;
  problems.push(`memslots of address space ${addressSpace} may be missing: ${set.missing}`);
  return null;
}

/** Bytes of the slots that KVM did not make for itself. */
const guestMemory = (slots: readonly Memslot[]): number =>
  slots.reduce((sum, { pages, internal }) => sum + (internal ? 0 : pages * 4096), 0);
