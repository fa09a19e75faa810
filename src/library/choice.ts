// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../core/errors.js';

/**
 * Selects the process of a VM. A number is a pid; a bigint is the address of a task_struct; a text is a value of the option
 * `-g`: a pid (decimal, or else hexadecimal), an address, or the name or UUID of the guest.
 */
export type ProcessChoice = number | bigint | string;

/** Selects one VM of a process. A number is a file descriptor; a bigint is the address of struct kvm; a text is either. */
export type VmChoice = number | bigint | string;

/** Selects VMs. A member that is null or absent selects all. */
export interface WhichVms {
  /** A process that holds the VMs or created them, or the name of a guest. */
  readonly process?: ProcessChoice | null;
  /** One of them. */
  readonly vm?: VmChoice | null;
}

/** The form that `selectVm` takes. A number stays a number, because a text could mean another pid in hexadecimal. */
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
