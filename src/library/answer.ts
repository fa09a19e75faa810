// SPDX-License-Identifier: Apache-2.0
import type { Reason, State } from '../core/outcome.js';
import type { Memslot } from '../kvm/memslots/slot.js';
import type { GuestRun } from '../spaces/guest-run.js';
import type { WalkStep as Step } from '../spaces/page-lookup.js';
import type { SwapPlace } from '../spaces/space.js';
import { byteOf, pageOf } from './addresses.js';

/** A page-table entry that was read. */
export interface WalkStep {
  /** The table that it is in: PGD, P4D, PUD, PMD or PTE. */
  readonly level: string;
  /** Its physical address. */
  readonly address: bigint;
  /** The entry as it is in memory. */
  readonly entry: bigint;
}

/** The memslot that holds a guest physical address. */
export interface AnswerSlot {
  /** Its number in KVM. */
  readonly id: number;
  /** Its first guest physical address. */
  readonly gpa: bigint;
  /** Bytes. */
  readonly size: number;
  /** Host virtual address of its first byte. */
  readonly hva: bigint;
  /** KVM_MEM_ bits. */
  readonly flags: number;
  /** One of KVM's own: TSS, identity map, APIC access page. */
  readonly internal: boolean;
}

/** What every answer has. */
export interface AnswerParts {
  /** The guest physical address (GPA) that was asked. */
  readonly gpa: bigint;
  /** The page-table entries that were read, from the top. */
  readonly walk: readonly WalkStep[];
}

/** A guest physical address that has a host physical address. */
export interface MappedAnswer extends AnswerParts {
  /** It is in memory. */
  readonly state: 'mapped';
  /** Host virtual address: where it is in the memory of the VM's process. */
  readonly hva: bigint;
  /** Host physical address: where it is in the machine. */
  readonly hpa: bigint;
  /** Bytes that the leaf entry maps: 4096, 2 MiB or 1 GiB. */
  readonly pageSize: number;
  /** The leaf entry is PROT_NONE: the page is in memory, marked not present. */
  readonly protNone: boolean;
  /** The memslot that holds it. */
  readonly slot: AnswerSlot;
  /** Only an answer without a host physical address has one. */
  readonly reason: null;
  /** Only an answer without a host physical address has one. */
  readonly message: null;
  /** Null: `hpa` says where it is. */
  readonly frame: null;
  /** Null: it is not in swap. */
  readonly swap: null;
}

/** A guest physical address that has no host physical address, and why. */
export interface UnmappedAnswer extends AnswerParts {
  /** What became of it (docs/output.md). */
  readonly state: Exclude<State, 'mapped' | 'invalid'>;
  /** Why, one step finer. */
  readonly reason: Exclude<Reason, 'not-hexadecimal'>;
  /** The same for people; its wording can change. */
  readonly message: string;
  /** Host virtual address; null if no memslot that can be read holds the guest physical address. */
  readonly hva: bigint | null;
  /** There is none. */
  readonly hpa: null;
  /** Nothing is mapped. */
  readonly pageSize: null;
  /** Nothing is mapped. */
  readonly protNone: false;
  /** A page frame number that the last entry names, although the page is not mapped there now. */
  readonly frame: number | null;
  /** The memslot that holds it; null if there is none that can be read. */
  readonly slot: AnswerSlot | null;
  /** Where in swap it is; null unless the state is `swapped`. */
  readonly swap: SwapPlace | null;
}

/** What became of a guest physical address. Only the state `mapped` has a host physical address. */
export type Answer = MappedAnswer | UnmappedAnswer;

/** The answer for a byte of a guest's page, to keep: `run` is the answer for the page, `steps` the entries read for it. */
export function answerOf(gpa: bigint, run: GuestRun, steps: readonly Step[]): Answer {
  const { state, reason, message, frame, slot, pageSize, protNone, swap } = run;
  const { offset } = pageOf(gpa);
  const walk = steps.map(stepOf);
  const hva = run.hva === null ? null : byteOf(run.hva, offset);
  if (state === 'mapped') {
    if (hva === null || frame === null || pageSize === null || slot === null) throw new Error('mapped to nothing');
    const hpa = byteOf(frame, offset);
    const none = { reason: null, message: null, frame: null, swap: null };
    return { gpa, hva, hpa, state, ...none, pageSize, protNone, slot: slotOf(slot), walk };
  }
  if (state === 'invalid' || reason === null || reason === 'not-hexadecimal') throw new Error(`${state}: no reason`);
  const none = { hpa: null, pageSize: null, protNone: false } as const;
  const of = slot === null ? null : slotOf(slot);
  return { gpa, hva, state, reason, message: message ?? '', ...none, frame, slot: of, walk, swap };
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
