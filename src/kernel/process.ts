// SPDX-License-Identifier: Apache-2.0
// A process, and its memory.
import { DumpError, UsageError } from '../core/errors.js';
import { LazyBytes } from '../core/lazy-bytes.js';
import { printable } from '../core/text.js';
import { resolve } from '../types/fields.js';
import { findTask, isNumber, nameOf } from './find-task.js';
import type { Host } from './host.js';
import { type Mm, readMm } from './mm.js';
import { taskStateFields } from './structs.js';
import { type Task, Tasks } from './tasks.js';

/** PF_KTHREAD (include/linux/sched.h). */
const PF_KTHREAD = 0x200000;

/** A process that has memory. */
export interface Process {
  /** The task that was asked for; it need not be the leader. */
  readonly task: Task;
  readonly mm: Mm;
}

/**
 * The process that a text names: the pid of one of its threads (decimal, or else hexadecimal), or the address of a
 * task_struct. Throws `UsageError` if there is none, and `DumpError` if it has no memory or can't be read.
 */
export function findProcess(host: Host, text: string): Process {
  const tasks = new Tasks(host);
  const found = isNumber(text) ? findTask(tasks, text) : null;
  if (found === null) {
    const what = isNumber(text)
      ? 'the pid or the address of a task_struct in the dump'
      : 'a pid or the address of a task_struct';
    throw new UsageError(`'${printable(text)}' is not ${what}`, { wrong: 'process' });
  }
  const { task, reading, other } = found;
  if (other !== null) host.log.warn(`pid ${text} is read as decimal; as hexadecimal it would be ${nameOf(other)}`);
  if (reading === 'hexadecimal') host.log.warn(`${text} is read as hexadecimal: ${nameOf(task)}`);
  return { task, mm: readMm(host, mmOf(host, tasks, task)) };
}

/** The mm_struct of the process: that of another of its threads, if this one has exited. */
function mmOf(host: Host, tasks: Tasks, task: Task): bigint {
  if (task.mm !== 0n) return task.mm;
  const { isKernel, hasExited } = stateOf(host, task);
  if (isKernel)
    throw new DumpError(`${nameOf(task)} is a kernel thread: it has no memory of its own`, { code: 'no-process' });
  if (task.signal !== 0n) for (const { mm } of tasks.threads(task)) if (mm !== 0n) return mm;
  const why = hasExited
    ? 'has exited (a zombie): its memory was freed'
    : 'has no memory: it is exiting, or was just made';
  throw new DumpError(`${nameOf(task)} ${why}`, { code: 'no-process' });
}

/** Whether a task is a kernel thread: it can have the memory of a process for a while (kthread_use_mm). Throws `DumpError`. */
export const isKernelThread = (host: Host, task: Task): boolean => stateOf(host, task).isKernel;

function stateOf({ memory, types }: Host, { address }: Task): { isKernel: boolean; hasExited: boolean } {
  const { task: at } = resolve(types, { task: taskStateFields });
  const bytes = LazyBytes.of(memory, address, at.bytes, 'task_struct');
  return { isKernel: (bytes.u32(at.flags.offset) & PF_KTHREAD) !== 0, hasExited: bytes.u32(at.exitState.offset) !== 0 };
}
