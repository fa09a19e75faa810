// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { decoded, printable } from '../core/text.js';
import type { Host } from '../kernel/host.js';
import { readMm } from '../kernel/mm.js';
import type { Tasks } from '../kernel/tasks.js';
import type { ListedVm } from './list-vms.js';

/** The process that created a VM. */
export interface Creator {
  /** Its pid. */
  readonly pid: number;
  /** Its name; null if the process no longer exists. */
  readonly comm: string | null;
  /** Whether it still has its memory; false for a zombie and for a pid that no task has. */
  readonly alive: boolean;
}

/** A process that holds a VM: its pid, name and mm_struct. */
interface Holding {
  readonly pid: number;
  readonly comm: string;
  readonly mm: bigint;
}

/** The creator; null if it is not known. `problem`: why; null if the kernel does not record it. */
type Found = { readonly creator: Creator | null; readonly problem: string | null };

const unknown = (why: string): Found => ({ creator: null, problem: `creator: ${why}` });

/**
 * The creator of a VM. Its memory is that of the VM (kvm.mm), so a holder with that memory is the creator. Otherwise it is
 * the task with the pid in kvm.userspace_pid, which is the id of a thread, unless another process has that pid now.
 */
export function creatorOf(host: Host, tasks: Tasks, vm: ListedVm, holding: readonly Holding[]): Found {
  const owners = holding.filter(({ mm }) => mm === vm.mm);
  const owner = owners.find(({ pid }) => pid === vm.pid) ?? owners[0];
  if (owner !== undefined) return found({ pid: owner.pid, comm: owner.comm, alive: true });
  if (vm.pid === null) return vm.noPid === null ? { creator: null, problem: null } : unknown(vm.noPid);
  try {
    return ofPid(host, tasks, vm.pid, vm.mm, holding);
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    return unknown(`pid ${vm.pid}: ${error.message}`);
  }
}

/** Throws `DumpError` if the task or the VM's memory can't be read. */
function ofPid(host: Host, tasks: Tasks, pid: number, mm: bigint | null, holding: readonly Holding[]): Found {
  const task = tasks.byPid(pid);
  if (task === null)
    return hasExited(host, mm)
      ? found({ pid, comm: null, alive: false })
      : unknown(`pid ${pid} does not exist, but its memory does`);
  const leader = task.pid === task.tgid ? task : (tasks.byPid(task.tgid) ?? task);
  const alive = tasks.alive(leader);
  const creator = { pid: leader.tgid, comm: decoded(leader.comm), alive: alive.mm !== 0n };
  // If it holds the VM, but does not have its memory, it has called execve.
  if (alive.mm === mm || holding.some((holder) => holder.pid === leader.tgid)) return found(creator);
  // A zombie has neither memory nor files. (A kernel thread has files.)
  if (alive.mm === 0n && alive.files === 0n && hasExited(host, mm)) return found(creator);
  return unknown(`pid ${pid} is now ${printable(leader.comm)}, which does not have the memory of the VM`);
}

const found = (creator: Creator): Found => ({ creator, problem: null });

/** Whether all processes with an mm_struct have exited. Throws `DumpError` if it can't be read. */
function hasExited(host: Host, mm: bigint | null): boolean {
  if (mm === null) throw new DumpError('the memory of the VM is not known', { code: 'not-in-dump' });
  return readMm(host, mm).users === 0;
}
