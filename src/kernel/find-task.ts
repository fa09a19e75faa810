// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { printable } from '../core/text.js';
import { PID_LIMIT, type Task, type Tasks } from './tasks.js';

/** The name of a process in messages. */
export const nameOf = ({ tgid, comm }: Task): string => `pid ${tgid} (${printable(comm)})`;

/** Whether a text has the form of a pid or of an address. */
export const isNumber = (text: string): boolean => /^(?:0x)?[0-9a-f]{1,16}$/i.test(text);

/** Whether a text says that it is hexadecimal. */
export const isExplicit = (text: string): boolean => /^0x/i.test(text);

/** A task, and how the text that selects it was read. `hexadecimal`: as a pid, although nothing says that it is one. */
export interface FoundTask {
  readonly task: Task;
  readonly reading: 'decimal' | 'hexadecimal' | 'explicit';
  /** The task of another process that has the pid in the other notation, if `reading` is decimal. */
  readonly other: Task | null;
}

/**
 * Finds the task that a number names: its pid in decimal, or else in hexadecimal, or else the address of its task_struct. Null
 * if there is none. Throws `DumpError` if that can't be found out.
 */
export function findTask(tasks: Tasks, text: string): FoundTask | null {
  const value = BigInt(`0x${text.replace(/^0x/i, '')}`);
  const decimal = /^[0-9]+$/.test(text) ? tasks.byPid(Number(text)) : null;
  const other = value < PID_LIMIT ? taskOfHexadecimal(tasks, Number(value), decimal) : null;
  if (decimal !== null)
    return { task: decimal, reading: 'decimal', other: other?.tgid === decimal.tgid ? null : other };
  const task = other ?? tasks.byAddress(value);
  if (task === null) return null;
  return { task, reading: other === null || isExplicit(text) ? 'explicit' : 'hexadecimal', other: null };
}

/** The task of the number read as hexadecimal. If there is a task of the decimal number, errors are ignored. */
function taskOfHexadecimal(tasks: Tasks, pid: number, decimal: Task | null): Task | null {
  try {
    return tasks.byPid(pid);
  } catch (error) {
    if (!(error instanceof DumpError) || decimal === null) throw error;
    return null;
  }
}
