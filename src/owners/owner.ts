// SPDX-License-Identifier: Apache-2.0
// Who has a frame.
import type { Vpn } from '../core/address.js';
import type { Area } from './areas.js';
import type { Naming } from './hits.js';
import { guestFrame, type PlacedSlot } from './slot-index.js';

/** What the entry of an owner does with the frame, as a state of the translation. */
export type OwnerState = 'mapped' | 'poisoned' | 'migrating' | 'not-present';

/** A VM that has a frame as guest memory. */
export interface VmOwner {
  readonly kind: 'vm';
  /** Address of struct kvm. */
  readonly kvm: bigint;
  /** What -g takes; null if it is not known. */
  readonly pid: number | null;
  /** The guest's name; null if it has none, or it is not in the dump. */
  readonly name: string | null;
  readonly addressSpace: number;
  /** KVM's number of the slot. */
  readonly slot: number;
  /** Guest frame, and virtual page. */
  readonly gpa: number;
  readonly hva: number;
  readonly state: OwnerState;
}

/** A process that has a frame in its memory, outside of the memory of VMs. */
export interface ProcessOwner {
  readonly kind: 'process';
  /** Null if no process is known to have the memory. */
  readonly pid: number | null;
  readonly comm: string | null;
  /** Virtual page. */
  readonly hva: number;
  /** Path of the file, `[heap]`, `[stack]`; null for other memory, and if it is not known. */
  readonly file: string | null;
  readonly state: OwnerState;
  /** Further processes that share the memory. */
  readonly sharedWith: readonly number[];
}

export type Owner = VmOwner | ProcessOwner;

const STATES: readonly OwnerState[] = ['mapped', 'mapped', 'poisoned', 'migrating', 'not-present'];
export const stateOf = (naming: Naming): OwnerState => STATES[naming] as OwnerState;

/** The owners by one entry of a page table: the VMs whose slots have the page, or else the process. */
export function ownersBy(area: Area, page: number, naming: Naming, fileOf: (area: Area) => string | null): Owner[] {
  const { space } = area;
  const state = stateOf(naming);
  const slots = space.slots?.at(page as Vpn) ?? [];
  if (slots.length > 0) return slots.map((placed) => vmOwner(placed, page, state));
  const { pid, comm, sharedWith } = space;
  return [{ kind: 'process', pid, comm, hva: page, file: fileOf(area), state, sharedWith }];
}

const vmOwner = (placed: PlacedSlot, page: number, state: OwnerState): VmOwner => ({
  kind: 'vm',
  kvm: placed.of.vm.address,
  pid: placed.of.pid,
  name: placed.of.name,
  addressSpace: placed.addressSpace,
  slot: placed.slot.id,
  gpa: guestFrame(placed, page),
  hva: page,
  state,
});
