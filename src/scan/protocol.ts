// SPDX-License-Identifier: Apache-2.0
// What the process that hands out dumps and those that analyse them say to each other, as JSON.
import type { Entry } from './entries.js';
import type { Identity } from './identity.js';

/** What is asked of each dump. */
export interface Plan {
  /** Command lines, without the options that choose the dump. */
  readonly runs: readonly (readonly string[])[];
  /** Options for opening each dump, as words. */
  readonly options: readonly string[];
  /** The text that commands read as standard input. */
  readonly input: string;
  /** The folder for results. */
  readonly folder: string;
  /** Whether results must survive a crash of the machine. */
  readonly isLasting: boolean;
  /** The folder for pictures of the VMs; null if none are wanted. */
  readonly pictures: string | null;
  /** A part of the names of drafts in it; empty if no other machine writes there. */
  readonly owner: string;
}

/** A dump to be analysed. */
export interface Job extends Entry, Identity {}

/** What became of a dump. */
export type Status = 'ok' | 'incomplete' | 'failed';

/** To a worker: first the plan, then dumps. */
export type Order = { readonly plan: Plan } | { readonly job: Job };

/** From a worker: a dump is done, and its results are written; or why they can't be, for which the dump is not to blame. */
export type Report = { readonly id: string } & ({ readonly status: Status } | { readonly problem: string });
