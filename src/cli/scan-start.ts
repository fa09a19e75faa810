// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, fork } from 'node:child_process';

/** The environment variable that is set in a process that analyses dumps. */
const WORKER = 'KVM_VTOP_SCAN_WORKER';

/** The environment variable with the address of a queue, which can have a password: those who read dumps do not get it. */
const SECRET = 'KVM_VTOP_REDIS_URL';

const start = (): ChildProcess =>
  fork(process.argv[1] ?? '', [], {
    env: { ...process.env, [WORKER]: '1', [SECRET]: undefined },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });

/** A process that was started early, and that nobody has asked for yet. */
let early: ChildProcess | null = null;

/** Starts the first process that analyses dumps before the command line has been read: it and this one load the program at the same time. */
export function startEarly(): void {
  const child = start();
  early = child;
  const forget = (): void => {
    if (early === child) early = null;
  };
  child.once('error', forget).once('exit', forget);
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
