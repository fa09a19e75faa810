// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';

const TASKS = '/proc/self/task';
/** State of a thread that waits, "sleeping" (proc_pid_stat(5)). */
const SLEEPING = 'S';

/** The start of a file: it has the number of a thread, its name of at most 63 characters, and its state. */
const start = Buffer.alloc(128);

/** Whether all other threads of this process are sleeping; null if that is not known (no /proc). */
export function othersWait(): boolean | null {
  try {
    // Not process.pid: in the /proc of another pid namespace, threads have the numbers of that namespace.
    const own = readlinkSync('/proc/self');
    return readdirSync(TASKS).every((id) => id === own || stateOf(id) === SLEEPING);
  } catch {
    return null;
  }
}

/** The thread's state: the letter after its name, which is in parentheses and may contain parentheses. */
function stateOf(id: string): string {
  try {
    const file = openSync(`${TASKS}/${id}/stat`, 'r');
    try {
      const text = start.toString('latin1', 0, readSync(file, start));
      return text.charAt(text.lastIndexOf(')') + 2);
    } finally {
      closeSync(file);
    }
  } catch {
    // It ended in the meantime.
    return SLEEPING;
  }
}
