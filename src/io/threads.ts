// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const TASKS = '/proc/self/task';
/** State of a thread that waits: sleeping (proc_pid_stat(5)). */
const SLEEPING = 'S';

/** Whether all other threads of this process wait for something; null where the system does not say (no /proc). */
export function othersWait(): boolean | null {
  try {
    // Not process.pid: below another pid namespace's /proc threads have that one's numbers.
    const own = readlinkSync('/proc/self');
    return readdirSync(TASKS).every((id) => id === own || stateOf(id) === SLEEPING);
  } catch {
    return null;
  }
}

/** The letter after the thread's name, which is in parentheses and may have some itself. */
function stateOf(id: string): string {
  try {
    const text = readFileSync(`${TASKS}/${id}/stat`, 'latin1');
    return text.charAt(text.lastIndexOf(')') + 2);
  } catch {
    // It ended meanwhile.
    return SLEEPING;
  }
}
