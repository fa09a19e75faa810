// SPDX-License-Identifier: Apache-2.0
// VMs and processes as messages name them.
import type { Remedy } from '../core/advice.js';
import { DumpError } from '../core/errors.js';
import { printable } from '../core/text.js';
import type { Task, Tasks } from '../kernel/tasks.js';
import { type HeldVm, holders, listedVms } from './find-vms.js';
import type { Kvm } from './kvm.js';
import { Vm } from './vm.js';

/** A process as messages name it. */
export const nameOf = ({ tgid, comm }: Task): string => `pid ${tgid} (${printable(comm)})`;

/** A line a VM: descriptor, address, slots. */
export const listVms = (kvm: Kvm, held: readonly HeldVm[]): string[] =>
  held.map(({ fd, address }) => `  fd ${fd ?? '?'}  kvm 0x${address.toString(16)}  ${slotsText(kvm, address)}`);

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

/** Which processes hold VMs, and which VMs nobody is known to hold. */
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
      if (!known.has(address)) others.push(`0x${address.toString(16)}${pid === null ? '' : ` (made by pid ${pid})`}`);
  });
  const list = [
    ...(found.length === 0 ? [] : [`processes that hold VMs: ${found.join(', ')}`]),
    ...(others.length === 0 ? [] : [`VMs whose holder was not found: ${others.join(', ')}`]),
    ...(trouble === null ? [] : [`not all could be looked at: ${trouble.message}`]),
  ];
  return {
    text: list.length === 0 ? 'no process of this host holds one' : list.join('; '),
    remedies: trouble?.remedies ?? [],
  };
}

/** Does as much as the dump allows; what stood in the way. */
function attempt(work: () => void): DumpError | null {
  try {
    work();
    return null;
  } catch (error) {
    if (error instanceof DumpError) return error;
    throw error;
  }
}
