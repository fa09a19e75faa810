// SPDX-License-Identifier: Apache-2.0
import { ErrorMark } from '../core/error-mark.js';
import { DumpError, type DumpErrorCode, orNull } from '../core/errors.js';
import { printable } from '../core/text.js';
import { type FoundTask, findTask, nameOf } from '../kernel/find-task.js';
import type { Host } from '../kernel/host.js';
import { PID_LIMIT, type Task, type Tasks } from '../kernel/tasks.js';
import { listAll, type VmList } from './describe-vms.js';
import type { Kvm } from './kvm.js';
import { listedVms } from './list-vms.js';

/**
 * Marks errors that the dump proves: the process does not hold a VM, or does not exist. Other errors mean that this is
 * unknown. `problem`: the message without the list of VMs; `pid`: null if there is none.
 */
export const definite = new ErrorMark<{ readonly problem: string; readonly pid: number | null }>();

/** Makes an error that the dump proves. `list`: the VMs that there are. */
export function definiteError(
  problem: string,
  pid: number | null,
  code: DumpErrorCode,
  { text, remedies }: Partial<VmList>,
): DumpError {
  const hint = text === undefined ? {} : { hint: text };
  const error = new DumpError(problem, { code, ...hint, ...(remedies === undefined ? {} : { remedies }) });
  return definite.put(error, { problem, pid });
}

/**
 * Finds the task with a pid (in a text decimal, or else hexadecimal) or at the address of a task_struct. Throws an error that
 * is marked `definite` if the dump proves that it does not exist.
 */
export function findHolder(host: Host, kvm: Kvm, tasks: Tasks, process: string | number): FoundTask {
  return typeof process === 'string'
    ? taskOfText(host, kvm, tasks, process)
    : { task: taskOfPid(kvm, tasks, process), reading: 'decimal', other: null };
}

function taskOfPid(kvm: Kvm, tasks: Tasks, pid: number): Task {
  const task = tasks.byPid(pid);
  if (task !== null) return task;
  throw definiteError(`no process has pid ${pid}`, pid, 'no-process', listAll(kvm, tasks));
}

function taskOfText(host: Host, kvm: Kvm, tasks: Tasks, text: string): FoundTask {
  const found = findTask(tasks, text);
  const asDecimal = decimalPid(text);
  if (found?.reading === 'hexadecimal' && asDecimal !== null && hasMade(kvm, asDecimal))
    throw definiteError(`no process has pid ${text}`, asDecimal, 'no-process', {});
  if (found === null) {
    const value = BigInt(`0x${text.replace(/^0x/i, '')}`);
    const pid = asDecimal ?? (value < PID_LIMIT ? Number(value) : null);
    const problem = `no process or task_struct ${printable(text)} in the dump`;
    throw definiteError(problem, pid, 'no-process', listAll(kvm, tasks));
  }
  const { other } = found;
  if (other !== null) host.log.warn(`pid ${text} is read as decimal; as hexadecimal it would be ${nameOf(other)}`);
  return found;
}

/** The pid that a text is in decimal; null if it is not one. */
export const decimalPid = (text: string): number | null => (/^[0-9]{1,7}$/.test(text) ? Number(text) : null);

/** Whether vm_list has a VM that this pid created. */
const hasMade = (kvm: Kvm, pid: number): boolean =>
  orNull(() => listedVms(kvm).vms.some((vm) => vm.pid === pid)) === true;
