// SPDX-License-Identifier: Apache-2.0
import { ErrorMark } from '../core/error-mark.js';
import { DumpError, type DumpErrorCode, orNull } from '../core/errors.js';
import { printable } from '../core/text.js';
import type { Host } from '../kernel/host.js';
import { PID_LIMIT, type Task, type Tasks } from '../kernel/tasks.js';
import { listAll, nameOf, type VmList } from './describe-vms.js';
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

/** Whether a text has the form of a pid or of an address. */
export const isNumber = (text: string): boolean => /^(?:0x)?[0-9a-f]{1,16}$/i.test(text);

/** A task, and how the text that selects it was read. `hexadecimal`: as a pid, although nothing says that it is one. */
export interface FoundTask {
  readonly task: Task;
  readonly reading: 'decimal' | 'hexadecimal' | 'explicit';
}

/**
 * Finds the task with a pid (in a text decimal, or else hexadecimal) or at the address of a task_struct. Throws an error that
 * is marked `definite` if the dump proves that it does not exist.
 */
export function findTask(host: Host, kvm: Kvm, tasks: Tasks, process: string | number): FoundTask {
  return typeof process === 'string'
    ? taskOfText(host, kvm, tasks, process)
    : { task: taskOfPid(kvm, tasks, process), reading: 'decimal' };
}

function taskOfPid(kvm: Kvm, tasks: Tasks, pid: number): Task {
  const task = tasks.byPid(pid);
  if (task !== null) return task;
  throw definiteError(`no process has pid ${pid}`, pid, 'no-process', listAll(kvm, tasks));
}

function taskOfText(host: Host, kvm: Kvm, tasks: Tasks, text: string): FoundTask {
  const value = BigInt(`0x${text.replace(/^0x/i, '')}`);
  const decimal = /^[0-9]+$/.test(text) ? tasks.byPid(Number(text)) : null;
  const other = value < PID_LIMIT ? otherTask(tasks, Number(value), decimal) : null;
  const asDecimal = decimalPid(text);
  if (decimal === null && other !== null && asDecimal !== null && hasMade(kvm, asDecimal))
    throw definiteError(`no process has pid ${text}`, asDecimal, 'no-process', {});
  if (decimal !== null) {
    if (other !== null && other.tgid !== decimal.tgid)
      host.log.warn(`pid ${text} is read as decimal; as hexadecimal it would be ${nameOf(other)}`);
    return { task: decimal, reading: 'decimal' };
  }
  const task = other ?? tasks.byAddress(value);
  if (task === null) {
    const pid = asDecimal ?? (value < PID_LIMIT ? Number(value) : null);
    const problem = `no process or task_struct ${printable(text)} in the dump`;
    throw definiteError(problem, pid, 'no-process', listAll(kvm, tasks));
  }
  return { task, reading: other === null || isExplicit(text) ? 'explicit' : 'hexadecimal' };
}

/** Whether a text says that it is hexadecimal. */
export const isExplicit = (text: string): boolean => /^0x/i.test(text);

/** The pid that a text is in decimal; null if it is not one. */
export const decimalPid = (text: string): number | null => (/^[0-9]{1,7}$/.test(text) ? Number(text) : null);

/** Whether vm_list has a VM that this pid created. */
const hasMade = (kvm: Kvm, pid: number): boolean =>
  orNull(() => listedVms(kvm).vms.some((vm) => vm.pid === pid)) === true;

/** The task of the number read as hexadecimal. If there is a task of the decimal number, errors are ignored. */
function otherTask(tasks: Tasks, pid: number, decimal: Task | null): Task | null {
  try {
    return tasks.byPid(pid);
  } catch (error) {
    if (!(error instanceof DumpError) || decimal === null) throw error;
    return null;
  }
}
