// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, fork } from 'node:child_process';
import { DumpError, orNull } from '../core/errors.js';
import { reasonOf } from '../io/system-error.js';

/** The environment variable that is set in a process that analyses dumps. */
const WORKER = 'KVM_VTOP_SCAN_WORKER';

/** The environment variable with the address of a queue, which can have a password: those who read dumps do not get it. */
const SECRET = 'KVM_VTOP_REDIS_URL';

/** Throws `DumpError` if there can't be another process. Some reasons for that are an event of the process instead. */
function start(): ChildProcess {
  try {
    return fork(process.argv[1] ?? '', [], {
      env: { ...process.env, [WORKER]: '1', [SECRET]: undefined },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
  } catch (error) {
    throw new DumpError(`no process can be started to analyse dumps: ${reasonOf(error)}`, { code: 'system' });
  }
}

/** The process that was started early; null if there is none, or it is in use. */
let early: ChildProcess | null = null;

/** Starts the first process that analyses dumps before the command line has been read: it and this one load the program at the same time. */
export function startEarly(): void {
  // If there is none, and one is needed, the next attempt says why.
  const child = orNull(start);
  early = child;
  const forget = (): void => {
    if (early === child) early = null;
  };
  child?.once('error', forget).once('exit', forget);
}

/** Starts this program as a process that analyses dumps. */
export function startWorker(): ChildProcess {
  const child = early ?? start();
  early = null;
  return child;
}

/** Ends the process that was started early, if it was not needed. */
export function endEarly(): void {
  early?.kill('SIGKILL');
}

/** Whether this process was started to analyse dumps. */
export const isWorker = (): boolean => process.env[WORKER] === '1' && process.send !== undefined;
