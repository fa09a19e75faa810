// SPDX-License-Identifier: Apache-2.0
import { UsageError } from '../core/errors.js';
import { isCount, shown } from './addresses.js';

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
  /** One VM: of this process, or of the host. */
  readonly vm?: VmChoice | null;
}

/** Selects VMs, and says what is read of their memslots. */
export interface WhichSlots extends WhichVms {
  /** Whether `resident` and `swapped` are counted, which reads the page tables; false by default. */
  readonly sizes?: boolean;
}

/** The form that `selectVm` takes. A number stays a number, because a text could mean another pid in hexadecimal. */
export function processOf(choice: ProcessChoice | null | undefined): string | number | null {
  if (choice === null || choice === undefined || typeof choice === 'string') return choice ?? null;
  if (isCount(choice)) return choice;
  if (isAddress(choice)) return textOf(choice);
  const what = typeof choice === 'number' ? 'a pid' : 'a pid, the address of a task_struct or a name';
  throw new UsageError(`${shown(choice)} is not ${what}`, { wrong: 'process' });
}

export function vmOf(choice: VmChoice | null | undefined): string | null {
  if (choice === null || choice === undefined || typeof choice === 'string') return choice ?? null;
  if (isCount(choice)) return `${choice}`;
  if (isAddress(choice)) return textOf(choice);
  const what =
    typeof choice === 'number' ? 'the number of a file descriptor' : 'a file descriptor or the address of a VM';
  throw new UsageError(`${shown(choice)} is not ${what}`);
}

const isAddress = (choice: unknown): choice is bigint => typeof choice === 'bigint' && choice >= 0n;
const textOf = (address: bigint): string => `0x${address.toString(16)}`;

/** The number of an address space of KVM; whether it exists is known later. */
export function spaceOf(addressSpace: number): number {
  if (typeof addressSpace !== 'number')
    throw new UsageError(`${shown(addressSpace)} is not a number`, { wrong: 'address-space' });
  return addressSpace;
}
