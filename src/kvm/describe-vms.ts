// SPDX-License-Identifier: Apache-2.0
// Descriptions of VMs and processes for messages.
import type { Remedy } from '../core/advice.js';
import { DumpError } from '../core/errors.js';
import { printable } from '../core/text.js';
import type { Task, Tasks } from '../kernel/tasks.js';
import { argumentsOfVm, type KnownVm } from './all-vms.js';
import { type HeldVm, holders, listedVms } from './find-vms.js';
import type { Kvm } from './kvm.js';
import { Vm } from './vm.js';

/** The name of a process in messages. */
export const nameOf = ({ tgid, comm }: Task): string => `pid ${tgid} (${printable(comm)})`;

/** One line per VM: descriptor, address, number of slots. */
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

/** One line per VM of a host: the pid to select it by, descriptor, address, name. */
export const listKnown = (kvm: Kvm, vms: readonly KnownVm[]): string[] =>
  vms.map((vm) => {
    const { pid, creator, holders: holding, address } = vm;
    const comm = holding[0]?.comm ?? creator?.comm ?? null;
    const process = `pid ${pid ?? '?'}${comm === null ? '' : ` (${printable(comm)})`}`;
    return `  ${process}  fd ${holding[0]?.fd ?? '?'}  kvm 0x${address.toString(16)}  ${calledText(kvm, vm)}`;
  });

function calledText(kvm: Kvm, vm: KnownVm): string {
  const { name, problem } = argumentsOfVm(kvm, vm);
  if (problem !== null) return 'name not in the dump';
  return name === null ? 'no name' : `name ${printable(name)}`;
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
