// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync } from 'node:fs';

/** Signals that end the process, and would leave its unfinished files on disk. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Most names that are tried. */
const MOST_NAMES = 10;

/** A file that did not exist, open for reading and writing. */
export interface NewFile {
  readonly path: string;
  readonly descriptor: number;
}

/** Creates a file at a path; if there is one, at that path with random letters after it. Throws what `openSync` throws. */
export function createBeside(path: string, mode: number): NewFile {
  for (let tried = 1; ; tried++) {
    const free = tried === 1 ? path : `${path}-${randomBytes(4).toString('hex')}`;
    try {
      return { path: free, descriptor: openSync(free, 'wx+', mode) };
    } catch (error) {
      if (tried === MOST_NAMES || (error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/**
 * Creates a file at a path, or, if there is one, at another path, and runs `work` with the path. `work` writes and renames
 * it. The file is removed if `work` fails, or if a signal ends the process while it runs. For the latter, `work` must return
 * to the event loop regularly (`setImmediate`): signals are handled only there.
 */
export async function withDraft<T>(path: string, mode: number, work: (draft: string) => Promise<T>): Promise<T> {
  let draft: string | null = null;
  const remove = (): void => {
    if (draft !== null) rmSync(draft, { force: true });
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
    const made = createBeside(path, mode);
    draft = made.path;
    closeSync(made.descriptor);
    return await work(draft);
  } finally {
    remove();
    forget();
  }
}
