// SPDX-License-Identifier: Apache-2.0
// Descriptions of VMs and processes for messages.
import type { Remedy } from '../core/advice.js';
import { DumpError } from '../core/errors.js';
import { printable } from '../core/text.js';
import type { Task, Tasks } from '../kernel/tasks.js';
import { type HeldVm, holders } from './find-vms.js';
import type { Kvm } from './kvm.js';
import { listedVms } from './list-vms.js';
import { Vm } from './vm.js';

/** The name of a process in messages. */
export const nameOf = ({ tgid, comm }: Task): string => `pid ${tgid} (${printable(comm)})`;

/** A VM from which one must be chosen: the process that holds it, if that is not clear, and its descriptor. */
interface Listed extends HeldVm {
  readonly pid?: number | null;
}

/** One line per VM: process, descriptor, address, number of slots. */
export const listVms = (kvm: Kvm, held: readonly Listed[]): string[] =>
  held.map(({ pid, fd, address }) => {
    const process = pid === undefined ? '' : `  pid ${pid ?? '?'}`;
    return `${process}  fd ${fd ?? '?'}  kvm 0x${address.toString(16)}  ${slotsText(kvm, address)}`;
  });

function slotsText(kvm: Kvm, address: bigint): string {
  try {
    const vm = new Vm(kvm, address);
    const counts = Array.from({ length: vm.spaces }, (_, space) => vm.slots(space).slots.length);
    return `slots ${counts.map((count, space) => (space === 0 ? String(count) : `+ ${count} in address space ${space}`)).join(' ')}`;
  } catch (error) {
    if (error instanceof DumpError) return error.message;
    throw error;
  }
}

/** Lists the processes that hold VMs, and the VMs for which no such process was found. */
export function listHolders(kvm: Kvm, tasks: Tasks): { text: string; remedies: readonly Remedy[] } {
  const found: string[] = [];
  const known = new Set<bigint>();
  const trouble = attempt(() => {
    for (const { task, vms } of holders(kvm, tasks)) {
      found.push(`${task.tgid} (${printable(task.comm)}, fd ${vms.map(({ fd }) => fd ?? '?').join(' ')})`);
      for (const { address } of vms) known.add(address);
    }
  });
  const others: string[] = [];
  attempt(() => {
    for (const { address, pid } of listedVms(kvm).vms)
      if (!known.has(address))
        others.push(`0x${address.toString(16)}${pid === null ? '' : ` (created by pid ${pid})`}`);
  });
  const list = [
    ...(found.length === 0 ? [] : [`processes that hold VMs: ${found.join(', ')}`]),
    ...(others.length === 0 ? [] : [`VMs whose holder was not found: ${others.join(', ')}`]),
    ...(trouble === null ? [] : [`not all processes can be read: ${trouble.message}`]),
  ];
  return {
    text: list.length === 0 ? 'no process of the host holds a VM' : list.join('; '),
    remedies: trouble?.remedies ?? [],
  };
}

/** Runs `work`. Returns the `DumpError` that ended it; null if it was completed. */
function attempt(work: () => void): DumpError | null {
  try {
    work();
    return null;
  } catch (error) {
    if (error instanceof DumpError) return error;
    throw error;
  }
}
