// SPDX-License-Identifier: Apache-2.0
// The VMs that the text after -g selects: by a process that holds them or created them, or by the guest's name or UUID.
import { DumpError } from '../core/errors.js';
import { printable } from '../core/text.js';
import { isExplicit, isNumber, nameOf } from '../kernel/find-task.js';
import type { Task, Tasks } from '../kernel/tasks.js';
import type { Candidates, Chosen } from './choice.js';
import { listAll } from './describe-vms.js';
import { decimalPid, definite, definiteError, findHolder } from './find-process.js';
import { holders, undescribed, vmsOf } from './find-vms.js';
import { guests, guestsOrThrow } from './guests.js';
import type { Kvm } from './kvm.js';
import { listedVms } from './list-vms.js';

/**
 * The VMs of a pid, of the task_struct at an address, or of a guest's name or UUID. A decimal pid takes precedence over a
 * name, and a name over a hexadecimal pid without 0x; a number is only a pid. Throws `UsageError` or `DumpError` if there
 * are none.
 */
export function candidates(kvm: Kvm, tasks: Tasks, process: string | number): Candidates {
  if (typeof process === 'string' && !isNumber(process)) return guestsOrThrow(kvm, tasks, process, null);
  try {
    const { task, reading } = findHolder(kvm.host, kvm, tasks, process);
    if (reading !== 'hexadecimal' || typeof process === 'number') return heldBy(kvm, tasks, task);
    return guestsOrNull(kvm, tasks, process, task) ?? heldByHexadecimal(kvm, tasks, process, task);
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    return madeBy(kvm, tasks, process, error);
  }
}

/** The guests with a name that is also the pid of a process in hexadecimal; null if there are none. */
function guestsOrNull(kvm: Kvm, tasks: Tasks, text: string, task: Task): Candidates | null {
  const found = guests(kvm, tasks, text);
  if (found !== null)
    kvm.warn(`'${printable(text)}' is read as the name of a guest; as a hexadecimal pid it would be ${nameOf(task)}`);
  return found;
}

function heldByHexadecimal(kvm: Kvm, tasks: Tasks, text: string, task: Task): Candidates {
  const why = decimalPid(text) === null ? '' : `no process has pid ${text} in decimal; `;
  kvm.warn(`${why}${why === '' ? printable(text) : 'it'} is read as hexadecimal: ${nameOf(task)}`);
  return heldBy(kvm, tasks, task);
}

function heldBy(kvm: Kvm, tasks: Tasks, task: Task): Candidates {
  const alive = tasks.alive(task);
  const { vms, unknown } = vmsOf(kvm, alive);
  if (vms.length === 0) {
    throw definiteError(`${nameOf(task)} does not hold a VM`, task.tgid, 'no-vm', listAll(kvm, tasks));
  }
  const title = nameOf(task);
  const reason = unknown ?? (undescribed(kvm).length === 0 ? null : "file descriptors can't be read");
  return {
    title,
    pid: task.tgid,
    held: vms.map((vm) => ({ ...vm, pid: task.tgid })),
    unknown,
    problems: reason === null ? [] : [`${title} may hold VMs that can't be read: ${reason}`],
    chosen: ({ fd, address }) => ({ pid: task.tgid, comm: task.comm, name: null, fd, address, mm: alive.mm }),
  };
}

/**
 * The VMs that a process created, found by the pid that struct kvm records. Used if the process can't be read, does not
 * hold a VM, or has exited while another process holds the VM.
 */
function madeBy(kvm: Kvm, tasks: Tasks, process: string | number, why: DumpError): Candidates {
  if (typeof process === 'string' && decimalPid(process) === null && !isExplicit(process)) {
    const found = guests(kvm, tasks, process);
    if (found !== null) return found;
  }
  const proof = definite.get(why);
  const pid = proof !== undefined ? proof.pid : typeof process === 'number' ? process : decimalPid(process);
  const { vms, complete } = pid === null ? { vms: [], complete: false } : listed(kvm, why);
  const made = vms.filter((vm) => vm.pid === pid);
  if (pid === null || made.length === 0) {
    if (typeof process === 'number') throw why;
    // The name of a guest can look like a number.
    return guestsOrThrow(kvm, tasks, process, why);
  }
  const isKnown = complete && vms.every(({ noPid }) => noPid === null);
  const unknown = isKnown ? null : 'not all VMs of the host can be listed';
  return {
    title: `pid ${pid}`,
    pid,
    held: made.map(({ address }) => ({ pid, fd: null, address })),
    unknown,
    problems: unknown === null ? [] : [`pid ${pid} may have created VMs that can't be read: ${unknown}`],
    chosen: ({ address }) => chosenOfMaker(kvm, tasks, address, pid, why),
  };
}

function chosenOfMaker(kvm: Kvm, tasks: Tasks, address: bigint, pid: number, why: DumpError): Chosen {
  if (!definite.has(why)) {
    kvm.warn(`${why.message}; the VM was found in vm_list, which says that pid ${pid} created it`, why);
    return { pid, comm: null, name: null, fd: null, address, mm: null };
  }
  const holder = holderOf(kvm, tasks, address);
  const now = holder === null ? 'no process that can be read holds it now' : `${nameOf(holder.task)} holds it now`;
  kvm.warn(`pid ${pid} created the VM but no longer holds it: ${now}`);
  const comm = holder?.task.comm ?? null;
  return { pid: holder?.task.tgid ?? pid, comm, name: null, fd: holder?.fd ?? null, address, mm: null };
}

/** The first process that holds a VM. */
function holderOf(kvm: Kvm, tasks: Tasks, address: bigint): { task: Task; fd: number | null } | null {
  for (const { task, vms } of holders(kvm, tasks)) {
    const held = vms.find((vm) => vm.address === address);
    if (held !== undefined) return { task, fd: held.fd };
  }
  return null;
}

/** The VMs of vm_list. Throws `why` if the list can't be read. */
function listed(kvm: Kvm, why: DumpError): ReturnType<typeof listedVms> {
  try {
    return listedVms(kvm);
  } catch (error) {
    throw error instanceof DumpError ? why : error;
  }
}
