// SPDX-License-Identifier: Apache-2.0
import { rmSync } from 'node:fs';

/** Signals that end the process, and would leave its unfinished files on disk. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `work`, which writes the file `draft` and renames it. Removes `draft` if `work` fails, or if a signal ends the
 * process while it runs. For the latter, `work` must return to the event loop regularly (`setImmediate`): signals are
 * handled only there.
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
  // Not `once`: it removes the listener before the call, and a second signal would end the process too early.
  for (const signal of SIGNALS) process.on(signal, end);
  try {
    return await work();
  } finally {
    remove();
    forget();
  }
}
