// SPDX-License-Identifier: Apache-2.0
// All VMs of a host, with their creators and holders.
import type { Remedy } from '../core/advice.js';
import { DumpError, orNull } from '../core/errors.js';
import { decoded, printable } from '../core/text.js';
import type { Task, Tasks } from '../kernel/tasks.js';
import { type Creator, creatorOf } from './creator.js';
import { type HeldVm, type Holder, holders } from './find-vms.js';
import type { Kvm } from './kvm.js';
import { type ListedVm, listedVms, readListed } from './list-vms.js';

/** A process that has the file of a VM open. */
export interface VmHolder {
  /** Its pid. */
  readonly pid: number;
  /** Its name. */
  readonly comm: string;
  /** The file descriptor; null if descriptors can't be read. */
  readonly fd: number | null;
}

/** A VM, its creator and its holders. */
export interface KnownVm {
  /** Address of struct kvm. */
  readonly address: bigint;
  /** Address of the mm_struct that maps its memory; null if it can't be read. */
  readonly mm: bigint | null;
  /** Null if it is not known. */
  readonly creator: Creator | null;
  /** Ordered by pid and descriptor. */
  readonly holders: readonly VmHolder[];
  /**
   * Pid that identifies the VM: the creator's if it holds the VM, or else the lowest of a holder, or else the creator's. Null
   * if it is not known.
   */
  readonly pid: number | null;
  /** Address of that process's mm_struct; null if it is not known. */
  readonly processMm: bigint | null;
  /** What is not known of it, and why. */
  readonly problems: readonly string[];
}

/** A holder, and the address of its mm_struct. */
interface Holding extends VmHolder {
  readonly mm: bigint;
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
  const held = new Map<bigint, Holding[]>();
  const omitted: string[] = [];
  const trouble = collectHolders(kvm, tasks, held, omitted);
  if (trouble !== null) problems.push(`not all processes can be read: ${trouble.message}`);
  const listed = listOf(kvm, problems, trouble);
  for (const address of held.keys())
    if (!listed.some((vm) => vm.address === address)) listed.push(readListed(kvm, address));
  const vms = listed.map((vm) => known(kvm, tasks, vm, held.get(vm.address) ?? [], omitted));
  return { vms, problems, remedies: trouble?.remedies ?? [] };
}

/**
 * Adds the holders of every VM to `held`, and to `omitted` why others may be missing. Returns the error that ended the list
 * of processes, or null.
 */
function collectHolders(kvm: Kvm, tasks: Tasks, held: Map<bigint, Holding[]>, omitted: string[]): DumpError | null {
  const omit = (task: Task | null, { message }: DumpError): void => {
    const process = task === null ? 'a process' : `pid ${task.tgid} (${printable(task.comm)})`;
    omitted.push(`holders: ${process} may hold the VM: ${message}`);
  };
  try {
    for (const holder of holders(kvm, tasks, omit)) {
      add(held, holder);
      if (holder.unknown !== null || holder.vms.some(({ fd }) => fd === null)) omitted.push(incompleteText(holder));
    }
    return null;
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    omitted.push(`holders: not all processes can be read: ${error.message}`);
    return error;
  }
}

const incompleteText = ({ task, unknown }: Holder): string =>
  `holders: pid ${task.tgid} (${printable(task.comm)}) may hold other VMs: ${unknown ?? 'its descriptors are not known'}`;

function add(held: Map<bigint, Holding[]>, { task, mm, vms }: Holder): void {
  for (const { address, fd } of vms) {
    const all = held.get(address) ?? [];
    held.set(address, [...all, { pid: task.tgid, comm: decoded(task.comm), fd, mm }]);
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

function known(kvm: Kvm, tasks: Tasks, vm: ListedVm, holding: readonly Holding[], omitted: readonly string[]): KnownVm {
  const { creator, problem } = creatorOf(kvm.host, tasks, vm, holding);
  const sorted = [...holding].sort((a, b) => a.pid - b.pid || (a.fd ?? 0) - (b.fd ?? 0));
  const process = sorted.find(({ pid }) => pid === creator?.pid) ?? sorted[0];
  // If not all holders are known, a creator that has exited may not be the process that identifies it.
  const pid = process?.pid ?? (omitted.length === 0 || creator?.alive === true ? (creator?.pid ?? null) : null);
  const [own, made] = [vm.noMm === null ? [] : [`struct kvm: ${vm.noMm}`], problem === null ? [] : [problem]];
  return {
    address: vm.address,
    mm: vm.mm,
    creator,
    holders: sorted.map(({ pid: holder, comm, fd }) => ({ pid: holder, comm, fd })),
    pid,
    processMm: process?.mm ?? vm.mm,
    problems: [...omitted, ...own, ...made],
  };
}

/** The description of a VM if the other processes and VMs of the host can't be read. */
export function heldAlone(kvm: Kvm, tasks: Tasks, { address, fd }: HeldVm, pid: number | null): KnownVm {
  const task = pid === null ? null : orNull(() => tasks.byPid(pid));
  const mm = task === null ? null : orNull(() => tasks.alive(task).mm);
  const holding =
    task === null || mm === null || fd === null ? [] : [{ pid: task.tgid, comm: decoded(task.comm), fd, mm }];
  const problems = ['holders: the other processes and VMs of the host could not be read'];
  return { ...known(kvm, tasks, readListed(kvm, address), holding, problems), pid };
}
