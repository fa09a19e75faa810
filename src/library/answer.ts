// SPDX-License-Identifier: Apache-2.0
import type { Reason, State } from '../core/outcome.js';
import type { Memslot } from '../kvm/memslots/slot.js';
import type { GuestRun } from '../spaces/guest-run.js';
import type { WalkStep as Step } from '../spaces/page-lookup.js';
import type { SwapPlace } from '../spaces/space.js';
import { byteOf, pageOf } from './addresses.js';

/** A page-table entry that was read for an answer. */
export interface WalkStep {
  /** The table that contains it: PGD, P4D, PUD, PMD or PTE. */
  readonly level: string;
  /** Its physical address. */
  readonly address: bigint;
  /** Its value. */
  readonly entry: bigint;
}

/** The memslot that holds a guest physical address. */
export interface AnswerSlot {
  /** KVM's number of the slot. */
  readonly id: number;
  /** Its first guest physical address. */
  readonly gpa: bigint;
  /** Size in bytes. */
  readonly size: number;
  /** Host virtual address of its first byte. */
  readonly hva: bigint;
  /** The slot's flags (KVM_MEM_...). */
  readonly flags: number;
  /** Whether KVM made the slot for itself: TSS, identity map, APIC access page. */
  readonly internal: boolean;
}

/** A guest physical address that has a host physical address. */
export interface Mapped {
  /** The guest physical address (GPA) of the question; of a run, that of the first page. */
  readonly gpa: bigint;
  /** It is in memory. */
  readonly state: 'mapped';
  /** Host virtual address (HVA): the address in the memory of the VM's process. */
  readonly hva: bigint;
  /** Host physical address (HPA): the address in the memory of the machine. */
  readonly hpa: bigint;
  /** Bytes that the leaf entry maps: 4096, 2 MiB or 1 GiB. */
  readonly pageSize: number;
  /** Whether the leaf entry is PROT_NONE: the page is in memory, but not marked present. */
  readonly protNone: boolean;
  /** The memslot that holds it. */
  readonly slot: AnswerSlot;
  /** Only an answer without a host physical address has one. */
  readonly reason: null;
  /** Only an answer without a host physical address has one. */
  readonly message: null;
  /** Null: `hpa` is the address. */
  readonly frame: null;
  /** Null: only pages that have been swapped out have a place in swap. */
  readonly swap: null;
}

/** A guest physical address that does not have a host physical address, and the reason. */
export interface Unmapped {
  /** The guest physical address (GPA) of the question; of a run, that of the first page. */
  readonly gpa: bigint;
  /** Its state (docs/output.md lists them). */
  readonly state: Exclude<State, 'mapped' | 'invalid'>;
  /** The reason, in more detail than the state. */
  readonly reason: Exclude<Reason, 'not-hexadecimal'>;
  /** The same as a text for people; its wording can change. */
  readonly message: string;
  /** Host virtual address; null if no memslot that can be read holds the guest physical address. */
  readonly hva: bigint | null;
  /** Null: it does not have one. */
  readonly hpa: null;
  /** Nothing is mapped. */
  readonly pageSize: null;
  /** Nothing is mapped. */
  readonly protNone: false;
  /**
   * The page frame number where the page is although it is not mapped: in the page cache, the swap cache or a guest_memfd, or
   * in the last entry that was read; null if there is none, or if it is not known.
   */
  readonly frame: number | null;
  /** The memslot that holds it; null if there is none that can be read. */
  readonly slot: AnswerSlot | null;
  /** Its place in swap; null unless the reason is `swap-entry` or `shmem-swapped`. */
  readonly swap: SwapPlace | null;
}

/** The answer for a guest physical address. Only the state `mapped` has a host physical address. */
export type Answer = (Mapped | Unmapped) & {
  /** The page-table entries that were read for it, from the top table down. */
  readonly walk: readonly WalkStep[];
};

/** Makes an answer for a byte of a guest's page. `run`: the answer for the page; `steps`: the entries read for it. */
export const answerOf = (gpa: bigint, run: GuestRun, steps: readonly Step[]): Answer => ({
  ...resultOf(gpa, run),
  walk: steps.map(stepOf),
});

/** The result for a byte of the first page of a run. */
export function resultOf(gpa: bigint, run: GuestRun): Mapped | Unmapped {
  const { state, reason, message, frame, slot, pageSize, protNone, swap } = run;
  const { offset } = pageOf(gpa);
  const hva = run.hva === null ? null : byteOf(run.hva, offset);
  if (state === 'mapped') {
    if (hva === null || frame === null || pageSize === null || slot === null) throw new Error('mapped to nothing');
    const hpa = byteOf(frame, offset);
    const none = { reason: null, message: null, frame: null, swap: null };
    return { gpa, hva, hpa, state, ...none, pageSize, protNone, slot: slotOf(slot) };
  }
  if (state === 'invalid' || reason === null || reason === 'not-hexadecimal') throw new Error(`${state}: no reason`);
  const none = { hpa: null, pageSize: null, protNone: false } as const;
  const of = slot === null ? null : slotOf(slot);
  return { gpa, hva, state, reason, message: message ?? '', ...none, frame, slot: of, swap };
}

const slotOf = ({ id, first, pages, hva, flags, internal }: Memslot): AnswerSlot => ({
  id,
  gpa: byteOf(first, 0),
  size: pages * 4096,
  hva,
  flags,
  internal,
});

const stepOf = ({ level, address, hi, lo }: Step): WalkStep => ({
  level,
  address: BigInt(address),
  entry: BigInt(hi) * 0x100000000n + BigInt(lo),
});
