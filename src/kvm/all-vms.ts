// SPDX-License-Identifier: Apache-2.0
// All VMs of a host, with their creators, holders and names.
import type { Remedy } from '../core/advice.js';
import { DumpError, orNull } from '../core/errors.js';
import { printable } from '../core/text.js';
import { argumentsOf } from '../kernel/arguments.js';
import { readMm } from '../kernel/mm.js';
import type { Task, Tasks } from '../kernel/tasks.js';
import { type HeldVm, type Holder, holders, type ListedVm, listedVms } from './find-vms.js';
import { type Kvm, readKvm } from './kvm.js';
import { guestName } from './qemu-name.js';

/** The process that created a VM. */
export interface Creator {
  /** Its pid. */
  readonly pid: number;
  /** Its name, one character per byte; null if the process no longer exists. */
  readonly comm: string | null;
  /** Whether it still has its memory; false for a zombie and for a pid that no task has. */
  readonly alive: boolean;
}

/** A process that has the file of a VM open. */
export interface VmHolder {
  /** Its pid. */
  readonly pid: number;
  /** Bytes of its name, one character each. */
  readonly comm: string;
  /** The file descriptor; null if descriptors can't be read. */
  readonly fd: number | null;
}

/** A VM, its creator and its holders. */
export interface KnownVm {
  /** Address of struct kvm. */
  readonly address: bigint;
  /** Address of the mm_struct that maps its memory. */
  readonly mm: bigint;
  /** Null if it is not known. */
  readonly creator: Creator | null;
  /** Ordered by pid and descriptor. */
  readonly holders: readonly VmHolder[];
  /** Pid that identifies the VM: that of a holder, or else of the creator; null if neither is known. */
  readonly pid: number | null;
  /** Address of that process's mm_struct. */
  readonly processMm: bigint;
  /** Why other processes may hold it. */
  readonly problems: readonly string[];
}

/** The command line of a VM's process, and the guest's name and UUID in it. If it can't be read, `problem` says why. */
export interface VmArguments {
  readonly words: readonly string[] | null;
  readonly name: string | null;
  readonly uuid: string | null;
  readonly problem: string | null;
}

/** VMs of a host. `problems` says why others may be missing, `remedies` what would help. */
export interface AllVms {
  readonly vms: readonly KnownVm[];
  readonly problems: readonly string[];
  readonly remedies: readonly Remedy[];
}

/**
 * Every VM that is in vm_list or whose file a process has open, each once, the oldest first. Throws `DumpError` if neither
 * the list nor the processes can be read.
 */
export function allVms(kvm: Kvm, tasks: Tasks): AllVms {
  const problems: string[] = [];
  const held = new Map<bigint, VmHolder[]>();
  const omitted: string[] = [];
  const trouble = collectHolders(kvm, tasks, held, omitted);
  if (trouble !== null) problems.push(`not all processes can be read: ${trouble.message}`);
  const listed = listOf(kvm, problems, trouble);
  for (const address of held.keys())
    if (!listed.some((vm) => vm.address === address)) listed.push(ofAddress(kvm, address));
  const vms = listed.map((vm) => known(tasks, vm, held.get(vm.address) ?? [], omitted));
  return { vms, problems, remedies: trouble?.remedies ?? [] };
}

/**
 * Adds the holders of every VM to `held`, and to `omitted` why others may be missing. Returns the error that ended the list
 * of processes, or null.
 */
function collectHolders(kvm: Kvm, tasks: Tasks, held: Map<bigint, VmHolder[]>, omitted: string[]): DumpError | null {
  const omit = (task: Task, { message }: DumpError): void => {
    omitted.push(`holders: pid ${task.tgid} (${printable(task.comm)}) may hold the VM: ${message}`);
  };
  try {
    for (const holder of holders(kvm, tasks, omit)) {
      add(held, holder);
      if (holder.vms.some(({ fd, incomplete }) => fd === null || incomplete === true))
        omitted.push(incompleteText(holder));
    }
    return null;
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    omitted.push(`holders: not all processes can be read: ${error.message}`);
    return error;
  }
}

const incompleteText = ({ task }: Holder): string =>
  `holders: pid ${task.tgid} (${printable(task.comm)}) may hold other VMs: not all of its descriptors can be read`;

function add(held: Map<bigint, VmHolder[]>, { task, vms }: Holder): void {
  for (const { address, fd } of vms) {
    const all = held.get(address) ?? [];
    held.set(address, [...all, { pid: task.tgid, comm: task.comm, fd }]);
  }
}

/** vm_list, the oldest VM first. */
function listOf(kvm: Kvm, problems: string[], trouble: DumpError | null): ListedVm[] {
  try {
    const { vms, complete } = listedVms(kvm);
    if (!complete) problems.push('not all VMs of vm_list can be read');
    return [...vms].reverse();
  } catch (error) {
    if (!(error instanceof DumpError) || trouble !== null) throw error;
    problems.push(`vm_list can't be read: ${error.message}`);
    return [];
  }
}

function ofAddress(kvm: Kvm, address: bigint): ListedVm {
  const { mm, userspacePid } = kvm.at;
  const bytes = readKvm(kvm, address);
  return { address, mm: bytes.u64(mm.offset), pid: userspacePid === null ? null : bytes.u32(userspacePid.offset) };
}

function known(
  tasks: Tasks,
  { address, mm, pid: maker }: ListedVm,
  holding: readonly VmHolder[],
  problems: readonly string[],
): KnownVm {
  const creator = maker === null ? creatorByMemory(tasks, mm, holding) : creatorOf(tasks, maker);
  const sorted = [...holding].sort((a, b) => a.pid - b.pid || (a.fd ?? 0) - (b.fd ?? 0));
  const pid = sorted[0]?.pid ?? creator?.pid ?? null;
  const own = pid === null ? 0n : mmOf(tasks, pid);
  return { address, mm, creator, holders: sorted, pid, processMm: own === 0n ? mm : own, problems };
}

/** The description of a VM if the other processes and VMs of the host can't be read. */
export function heldAlone(kvm: Kvm, tasks: Tasks, { address, fd }: HeldVm, pid: number | null): KnownVm {
  const comm = pid === null ? null : orNull(() => tasks.byPid(pid)?.comm ?? null);
  const holding = pid === null || fd === null || comm === null ? [] : [{ pid, comm, fd }];
  const problems = ['holders: the other processes and VMs of the host could not be read'];
  return { ...known(tasks, ofAddress(kvm, address), holding, problems), pid };
}

/** Address of the mm_struct of a process; 0 if the process no longer exists or can't be read. */
const mmOf = (tasks: Tasks, pid: number): bigint =>
  orNull(() => {
    const task = tasks.byPid(pid);
    return task === null ? 0n : tasks.alive(task).mm;
  }) ?? 0n;

/** The creator of a VM from kvm.userspace_pid, which is the id of a thread. */
function creatorOf(tasks: Tasks, pid: number): Creator {
  const task = orNull(() => tasks.byPid(pid));
  if (task === null) return { pid, comm: null, alive: false };
  return { pid: task.tgid, comm: task.comm, alive: isAlive(tasks, task) };
}

/** Before 4.19 the kernel does not record the creator: it is the holder whose memory is that of the VM. */
function creatorByMemory(tasks: Tasks, mm: bigint, holding: readonly VmHolder[]): Creator | null {
  for (const { pid } of holding) {
    const task = orNull(() => tasks.byPid(pid));
    if (task !== null && tasks.alive(task).mm === mm) return { pid: task.tgid, comm: task.comm, alive: true };
  }
  return null;
}

const isAlive = (tasks: Tasks, task: Task): boolean => (orNull(() => tasks.alive(task)) ?? task).mm !== 0n;

/** Reads the command line of the process that identifies a VM. */
export function argumentsOfVm({ host }: Kvm, { processMm }: KnownVm): VmArguments {
  try {
    const words = argumentsOf(host, readMm(host, processMm));
    return { words, ...guestName(words), problem: null };
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    return { words: null, name: null, uuid: null, problem: `arguments: ${error.message}` };
  }
}
