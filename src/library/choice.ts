// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../core/errors.js';

/**
 * The process whose VM is meant. A number is a pid; a bigint is the address of a task_struct; a text is what `-g` of the
 * command line takes: a pid, decimal or else hexadecimal, an address, or the name or the UUID that QEMU was given.
 */
export type ProcessChoice = number | bigint | string;

/** One of a process's VMs: the number of a file descriptor; a bigint is the address of struct kvm; a text is either. */
export type VmChoice = number | bigint | string;

/** Which VMs are meant; null, and what is not given, leaves it open. */
export interface WhichVms {
  /** A process that holds the VMs, or made them, or a guest's name. */
  readonly process?: ProcessChoice | null;
  /** One of them. */
  readonly vm?: VmChoice | null;
}

/** As `selectVm` takes it: a number stays one, because a text could mean another pid in hexadecimal. */
export function processOf(choice: ProcessChoice | null | undefined): string | number | null {
  if (typeof choice !== 'number') return textOf(choice ?? null);
  if (!Number.isSafeInteger(choice) || choice < 0) throw new UsageError(`${choice} is not a pid`, { wrong: 'process' });
  return choice;
}

export function vmOf(choice: VmChoice | null | undefined): string | null {
  if (typeof choice === 'number' && !(Number.isSafeInteger(choice) && choice >= 0))
    throw new UsageError(`${choice} is not the number of a file descriptor`);
  return textOf(choice ?? null);
}

const textOf = (choice: number | bigint | string | null): string | null =>
  typeof choice === 'bigint' ? `0x${choice.toString(16)}` : choice === null ? null : `${choice}`;
