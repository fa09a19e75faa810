// SPDX-License-Identifier: Apache-2.0
// The VMs that the text after -g selects: by a process that holds them or created them, or by the guest's name or UUID.
import { DumpError, UsageError } from '../core/errors.js';
import { printable } from '../core/text.js';
import type { Task, Tasks } from '../kernel/tasks.js';
import { allVms, argumentsOfVm, type KnownVm } from './all-vms.js';
import { listHolders, listKnown, nameOf } from './describe-vms.js';
import { decimalPid, definite, findTask, isNumber } from './find-process.js';
import { type HeldVm, holders, listedVms, vmsOf } from './find-vms.js';
import type { Kvm } from './kvm.js';

/** A VM that was chosen, and the process by which it was found. */
export interface Chosen {
  readonly pid: number;
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
  const { log } = kvm.host;
  const task = findTask(kvm.host, kvm, tasks, process);
  const alive = tasks.alive(task);
  const held = vmsOf(kvm, alive);
  if (held.length === 0) {
    const { text, remedies } = listHolders(kvm, tasks);
    const problem = `${nameOf(task)} does not hold a VM; ${text}`;
    throw definite.put(new DumpError(problem, { code: 'no-vm', remedies }), task.tgid);
  }
  return {
    title: nameOf(task),
    pid: task.tgid,
    held,
    chosen({ fd, address }) {
      log.found(`${nameOf(task)}: VM of descriptor ${fd ?? 'unknown'}, struct kvm at 0x${address.toString(16)}`);
      return { pid: task.tgid, fd, address, mm: alive.mm };
    },
  };
}

/**
 * The VMs that a process created, found by the pid that struct kvm records. Used if the process can't be read, does not
 * hold a VM, or has exited while another process holds the VM.
 */
function madeBy(kvm: Kvm, tasks: Tasks, process: string | number, why: DumpError): Candidates {
  const given = typeof process === 'number' ? process : decimalPid(process);
  const pid = definite.has(why) ? (definite.get(why) ?? null) : given;
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
    return { pid, fd: null, address, mm: null };
  }
  const holder = holderOf(kvm, tasks, address);
  const now = holder === null ? 'no process that can be read holds it now' : `${nameOf(holder.task)} holds it now`;
  log.warn(`pid ${pid} created the VM but no longer holds it: ${now}`);
  return { pid: holder?.task.tgid ?? pid, fd: holder?.fd ?? null, address, mm: null };
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
  const wrong = (problem: string, choices: readonly string[] = []): Error =>
    why ?? new UsageError(`'${printable(text)}' ${problem}`, { wrong: 'process', choices });
  const all = listOrThrow(kvm, tasks, wrong);
  const found = all.filter((vm) => isCalled(kvm, vm, text));
  if (found.length > 0)
    return { title: `'${printable(text)}'`, pid: null, held: found.map(held), chosen: (vm) => ofKnown(found, vm) };
  const problem = 'is not a pid, the address of a task_struct, or the name or UUID of a VM';
  throw all.length === 0 ? wrong(`${problem}; no VM was found`) : wrong(`${problem}; VMs`, listKnown(kvm, all));
}

function listOrThrow(kvm: Kvm, tasks: Tasks, wrong: (problem: string) => Error): readonly KnownVm[] {
  try {
    return allVms(kvm, tasks).vms;
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    throw wrong(`is not a pid or the address of a task_struct; names can't be looked up: ${error.message}`);
  }
}

function isCalled(kvm: Kvm, vm: KnownVm, text: string): boolean {
  const { name, uuid } = argumentsOfVm(kvm, vm);
  return name === text || (uuid !== null && uuid === text.toLowerCase());
}

const held = ({ address, holders: [first] }: KnownVm): HeldVm => ({ fd: first?.fd ?? null, address });

/** Describes a VM that was chosen from `all`. */
export function ofKnown(all: readonly KnownVm[], { address }: HeldVm): Chosen {
  const vm = all.find((each) => each.address === address) as KnownVm;
  return { pid: vm.pid ?? 0, fd: vm.holders[0]?.fd ?? null, address, mm: null };
}

/** The VMs of vm_list. Throws `why` if the list can't be read. */
function listed(kvm: Kvm, why: DumpError): ReturnType<typeof listedVms> {
  try {
    return listedVms(kvm);
  } catch (error) {
    throw error instanceof DumpError ? why : error;
  }
}
