// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, fork } from 'node:child_process';

/** The environment variable that is set in a process that analyses dumps. */
const WORKER = 'KVM_VTOP_SCAN_WORKER';

/** The environment variable with the address of a queue, which can have a password: those who read dumps do not get it. */
const SECRET = 'KVM_VTOP_REDIS_URL';

/** Starts this program as a process that analyses dumps. */
export const startWorker = (): ChildProcess =>
  fork(process.argv[1] ?? '', [], {
    env: { ...process.env, [WORKER]: '1', [SECRET]: undefined },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });

/** Whether this process was started to analyse dumps. */
export const isWorker = (): boolean => process.env[WORKER] === '1' && process.send !== undefined;
