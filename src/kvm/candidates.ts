// SPDX-License-Identifier: Apache-2.0
// The VMs that the text after -g selects: by a process that holds them or created them, or by the guest's name or UUID.
import { DumpError, UsageError } from '../core/errors.js';
import { printable } from '../core/text.js';
import type { Task, Tasks } from '../kernel/tasks.js';
import { allVms, argumentsOfVm, type KnownVm } from './all-vms.js';
import { listAll, listKnown, nameOf, type VmList } from './describe-vms.js';
import { decimalPid, definite, definiteError, findTask, isNumber } from './find-process.js';
import { type HeldVm, holders, listedVms, vmsOf } from './find-vms.js';
import type { Kvm } from './kvm.js';

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

/** VMs from which one must be chosen. */
export interface Candidates {
  /** The process or guest that they belong to, for messages. */
  readonly title: string;
  /** Pid of the process that was given; null if a guest was given. */
  readonly pid: number | null;
  /** At least one. */
  readonly held: readonly HeldVm[];
  /** Describes the VM that was chosen, and logs warnings about it. */
  chosen(vm: HeldVm): Chosen;
}

/**
 * The VMs of a pid, of the task_struct at an address, or of a guest's name or UUID. A pid takes precedence over a name; a
 * number is only a pid. Throws `UsageError` or `DumpError` if there are none.
 */
export function candidates(kvm: Kvm, tasks: Tasks, process: string | number): Candidates {
  if (typeof process === 'string' && !isNumber(process)) return named(kvm, tasks, process, null);
  try {
    return heldBy(kvm, tasks, process);
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    return madeBy(kvm, tasks, process, error);
  }
}

function heldBy(kvm: Kvm, tasks: Tasks, process: string | number): Candidates {
  const task = findTask(kvm.host, kvm, tasks, process);
  const alive = tasks.alive(task);
  const held = vmsOf(kvm, alive);
  if (held.length === 0) {
    throw definiteError(`${nameOf(task)} does not hold a VM`, task.tgid, 'no-vm', listAll(kvm, tasks));
  }
  return {
    title: nameOf(task),
    pid: task.tgid,
    held,
    chosen: ({ fd, address }) => ({ pid: task.tgid, comm: task.comm, name: null, fd, address, mm: alive.mm }),
  };
}

/**
 * The VMs that a process created, found by the pid that struct kvm records. Used if the process can't be read, does not
 * hold a VM, or has exited while another process holds the VM.
 */
function madeBy(kvm: Kvm, tasks: Tasks, process: string | number, why: DumpError): Candidates {
  const proof = definite.get(why);
  const pid = proof !== undefined ? proof.pid : typeof process === 'number' ? process : decimalPid(process);
  const { vms, complete } = pid === null ? { vms: [], complete: false } : listed(kvm, why);
  const made = vms.filter((vm) => vm.pid === pid);
  if (pid === null || made.length === 0) {
    if (typeof process === 'number') throw why;
    // The name of a guest can look like a number.
    return named(kvm, tasks, process, why);
  }
  const held = made.map(({ address }) => ({ fd: null, address, incomplete: !complete }));
  return { title: `pid ${pid}`, pid, held, chosen: ({ address }) => chosenOfMaker(kvm, tasks, address, pid, why) };
}

function chosenOfMaker(kvm: Kvm, tasks: Tasks, address: bigint, pid: number, why: DumpError): Chosen {
  const { log } = kvm.host;
  if (!definite.has(why)) {
    log.warn(`${why.message}; the VM was found in vm_list, which says that pid ${pid} created it`, why);
    return { pid, comm: null, name: null, fd: null, address, mm: null };
  }
  const holder = holderOf(kvm, tasks, address);
  const now = holder === null ? 'no process that can be read holds it now' : `${nameOf(holder.task)} holds it now`;
  log.warn(`pid ${pid} created the VM but no longer holds it: ${now}`);
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

/** The VMs with this name or UUID on QEMU's command line. `why`: the error of looking up the text as a number. */
function named(kvm: Kvm, tasks: Tasks, text: string, why: DumpError | null): Candidates {
  const all = listOrThrow(kvm, tasks, text, why);
  const read = all.map((vm) => ({ vm, ...argumentsOfVm(kvm, vm) }));
  const found = read.filter(({ name, uuid }) => name === text || (uuid !== null && uuid === text.toLowerCase()));
  if (found.length === 0)
    throw notNamed(text, why, read.filter(({ problem }) => problem !== null).length, () =>
      listKnown(kvm, { vms: all, problems: [] }),
    );
  const vms = found.map(({ vm }) => vm);
  return {
    title: `'${printable(text)}'`,
    pid: null,
    held: vms.map(held),
    chosen: (vm) => ofKnown(vms, vm, found.find((each) => each.vm.address === vm.address)?.name ?? null),
  };
}

/** The error for a name that no VM is known to have. `unread`: how many VMs have a name that can't be read. */
function notNamed(text: string, why: DumpError | null, unread: number, list: () => VmList): Error {
  const names = `the ${unread === 1 ? 'name of 1 VM' : `names of ${unread} VMs`} can't be read from the dump`;
  if (why !== null) {
    // Few guests have a number as their name; it is then not worth a remark.
    const proof = definite.get(why);
    if (unread === 0 || proof === undefined || /^(?:0x|[0-9]+$)/i.test(text)) return why;
    const problem = `${proof.problem}; whether a VM has the name '${printable(text)}' is not known, because ${names}`;
    return new DumpError(problem, { origin: why, ...(why.hint === undefined ? {} : { hint: why.hint }) });
  }
  const { text: known, entries, remedies } = list();
  const problem =
    unread === 0 ? 'no VM has this name or UUID' : `no VM is known to have this name or UUID: ${names}, so use a pid`;
  return new UsageError(`'${printable(text)}' is not a pid or the address of a task_struct, and ${problem}; ${known}`, {
    wrong: 'process',
    named: entries,
    remedies,
  });
}

function listOrThrow(kvm: Kvm, tasks: Tasks, text: string, why: DumpError | null): readonly KnownVm[] {
  try {
    return allVms(kvm, tasks).vms;
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    const problem = `is not a pid or the address of a task_struct; names can't be looked up: ${error.message}`;
    throw why ?? new UsageError(`'${printable(text)}' ${problem}`, { wrong: 'process' });
  }
}

const held = ({ address, holders: [first] }: KnownVm): HeldVm => ({ fd: first?.fd ?? null, address });

/** Describes a VM that was chosen from `all`. */
export function ofKnown(all: readonly KnownVm[], { address }: HeldVm, name: string | null = null): Chosen {
  const { pid, creator, holders: list } = all.find((each) => each.address === address) as KnownVm;
  const [first] = list;
  return { pid: pid ?? 0, comm: (first ?? creator)?.comm ?? null, name, fd: first?.fd ?? null, address, mm: null };
}

/** The VMs of vm_list. Throws `why` if the list can't be read. */
function listed(kvm: Kvm, why: DumpError): ReturnType<typeof listedVms> {
  try {
    return listedVms(kvm);
  } catch (error) {
    throw error instanceof DumpError ? why : error;
  }
}
