// SPDX-License-Identifier: Apache-2.0
// Descriptions of VMs and processes for messages.
import type { Remedy } from '../core/advice.js';
import { DumpError } from '../core/errors.js';
import { printable } from '../core/text.js';
import type { Tasks } from '../kernel/tasks.js';
import { type AllVms, allVms, type KnownVm } from './all-vms.js';
import type { HeldVm } from './find-vms.js';
import type { Kvm } from './kvm.js';
import { argumentsOfVm } from './names.js';
import { Vm } from './vm.js';

/** A VM from which one must be chosen: the process that holds it, if that is not clear, and its descriptor. */
interface Choice extends HeldVm {
  readonly pid?: number | null;
}

/** One line per VM: process, descriptor, address, number of slots. */
export const listVms = (kvm: Kvm, held: readonly Choice[]): string[] =>
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

/** A list of VMs for a message, and what would help to make it complete, or to see more. */
export interface VmList {
  readonly text: string;
  /** The VMs in `text`, by their processes. */
  readonly entries: readonly string[];
  readonly remedies: readonly Remedy[];
}

/** Lists all VMs of the host, for messages. */
export function listAll(kvm: Kvm, tasks: Tasks): VmList {
  try {
    const all = allVms(kvm, tasks);
    const list = listKnown(kvm, all);
    return { ...list, remedies: [...all.remedies, ...list.remedies] };
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    return { text: `the VMs can't be listed: ${error.message}`, entries: [], remedies: error.remedies };
  }
}

/** Lists VMs by the processes that hold them: pid, name of the guest if it is known, name of the process, descriptors. */
export function listKnown(kvm: Kvm, { vms, problems }: Pick<AllVms, 'vms' | 'problems'>): VmList {
  const entries = new Map<number, { readonly comm: string; name: string | null; readonly fds: string[] }>();
  const others: string[] = [];
  for (const vm of vms) {
    for (const { pid, comm, fd } of vm.holders) {
      const entry = entries.get(pid) ?? { comm, name: null, fds: [] };
      if (pid === vm.pid) entry.name ??= argumentsOfVm(kvm, vm).guest?.name ?? null;
      entry.fds.push(`${fd ?? '?'}`);
      entries.set(pid, entry);
    }
    if (vm.holders.length === 0) others.push(unheld(vm));
  }
  const held = [...entries].sort(([a], [b]) => a - b).map(([pid, entry]) => `${pid} (${partsOf(entry)})`);
  const all = [...held, ...others];
  const list = all.length > 0 ? [`VMs: ${all.join(', ')}`] : problems.length > 0 ? [] : ['the host has no VM'];
  return { text: [...list, ...problems].join('; '), entries: all, remedies: all.length > 0 ? ['list-vms'] : [] };
}

const partsOf = ({ comm, name, fds }: { comm: string; name: string | null; fds: readonly string[] }): string =>
  [...(name === null ? [] : [`'${printable(name)}'`]), printable(comm), `fd ${fds.join(' ')}`].join(', ');

/** A VM that no process is known to hold. */
const unheld = ({ address, creator }: KnownVm): string =>
  `0x${address.toString(16)} (${creator === null ? '' : `created by ${creator.pid}, `}holder not known)`;
