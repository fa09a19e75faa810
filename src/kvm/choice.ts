// SPDX-License-Identifier: Apache-2.0
// What is chosen by -g and --vm, and from what.
import type { HeldVm } from './find-vms.js';

/** A VM that was chosen, and the process by which it was found. */
export interface Chosen {
  readonly pid: number;
  /** The name of that process; null if it is not known. */
  readonly comm: string | null;
  /** The guest's name; null if it was not looked up. */
  readonly name: string | null;
  readonly fd: number | null;
  readonly address: bigint;
  /** Address of the mm_struct of that process; null if it is not known. */
  readonly mm: bigint | null;
}

/** A VM, and a process that holds it; several processes can hold one. */
export interface Candidate extends HeldVm {
  /** Null if no process is known. */
  readonly pid: number | null;
}

/** VMs from which one must be chosen. */
export interface Candidates {
  /** The process or guest that they belong to, for messages. */
  readonly title: string;
  /** Pid of the process that was given; null if a guest was given. */
  readonly pid: number | null;
  /** At least one. */
  readonly held: readonly Candidate[];
  /** The reason why the process may hold others; null if it does not. Then one of them can't be chosen by itself. */
  readonly unknown: string | null;
  /** Why a list of them may be incomplete. */
  readonly problems: readonly string[];
  /** Describes the VM that was chosen, and logs warnings about it. */
  chosen(vm: Candidate): Chosen;
}
