// SPDX-License-Identifier: Apache-2.0
import { rmSync } from 'node:fs';

/** What ends a process from outside, and would leave its unfinished files behind. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `work`, which makes a file of this name and puts it in its place; nothing of the name is left behind, neither
 * when the work fails nor when the process is told to end meanwhile. For that, `work` must give way now and then
 * (`setImmediate`): signals are heard between its steps.
 */
export async function withDraft<T>(draft: string, work: () => Promise<T>): Promise<T> {
  const remove = (): void => {
    rmSync(draft, { force: true });
  };
  const end = (signal: NodeJS.Signals): void => {
    remove();
    forget();
    process.kill(process.pid, signal);
  };
  const forget = (): void => {
    for (const signal of SIGNALS) process.removeListener(signal, end);
  };
  // Not `once`: that stops listening before it calls, and a second signal would end the process before the file is gone.
  for (const signal of SIGNALS) process.on(signal, end);
  try {
    return await work();
  } finally {
    remove();
    forget();
  }
}
