// SPDX-License-Identifier: Apache-2.0
import { DumpError, type DumpErrorDetails, orNull } from '../core/errors.js';
import { printable } from '../core/text.js';
import type { Host } from '../kernel/host.js';
import { PID_LIMIT, type Task, type Tasks } from '../kernel/tasks.js';
import { listHolders, nameOf } from './describe-vms.js';
import { listedVms } from './find-vms.js';
import type { Kvm } from './kvm.js';

/** What the dump says, as opposed to what it can't say: this process holds no VM, or there is none of this number. */
export class Definite extends DumpError {
  constructor(
    problem: string,
    readonly pid: number | null,
    details: DumpErrorDetails,
  ) {
    super(problem, details);
  }
}

/** Whether a text can be a pid or the address of a task_struct. */
export const isNumber = (text: string): boolean => /^(?:0x)?[0-9a-f]{1,16}$/i.test(text);

/**
 * The task of a pid, decimal or else hexadecimal, or of the address of a task_struct. Throws `Definite` where the dump
 * says that there is none.
 */
export function findTask(host: Host, kvm: Kvm, tasks: Tasks, text: string): Task {
  const value = BigInt(`0x${text.replace(/^0x/i, '')}`);
  const decimal = /^[0-9]+$/.test(text) ? tasks.byPid(Number(text)) : null;
  const other = value < PID_LIMIT ? otherTask(tasks, Number(value), decimal) : null;
  const asDecimal = decimalPid(text);
  if (decimal === null && other !== null && asDecimal !== null && hasMade(kvm, asDecimal))
    throw new Definite(`no process has pid ${text}`, asDecimal, { code: 'no-process' });
  if (decimal !== null) {
    if (other !== null && other.tgid !== decimal.tgid)
      host.log.warn(`pid ${text} is taken as decimal; read as hexadecimal it is ${nameOf(other)}`);
    return decimal;
  }
  const task = other ?? tasks.byAddress(value);
  if (task === null) {
    const { text: list, remedies } = listHolders(kvm, tasks);
    const pid = asDecimal ?? (value < PID_LIMIT ? Number(value) : null);
    throw new Definite(`no process or task_struct ${printable(text)} in the dump; ${list}`, pid, {
      code: 'no-process',
      remedies,
    });
  }
  if (other !== null && /^[0-9]+$/.test(text))
    host.log.warn(`no process has pid ${text}; taken as hexadecimal: ${nameOf(task)}`);
  return task;
}

export const decimalPid = (text: string): number | null => (/^[0-9]{1,7}$/.test(text) ? Number(text) : null);

/** Whether a VM is known that this pid made. */
const hasMade = (kvm: Kvm, pid: number): boolean =>
  orNull(() => listedVms(kvm).vms.some((vm) => vm.pid === pid)) === true;

/** The task of a number read as hexadecimal; once there is one of the decimal number, it is of no importance. */
function otherTask(tasks: Tasks, pid: number, decimal: Task | null): Task | null {
  try {
    return tasks.byPid(pid);
  } catch (error) {
    if (!(error instanceof DumpError) || decimal === null) throw error;
    return null;
  }
}
