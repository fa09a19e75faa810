// SPDX-License-Identifier: Apache-2.0
import { linkSync, lstatSync, realpathSync, renameSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { DumpError, UsageError } from '../core/errors.js';
import { withDraft } from './draft.js';

/** A path that may be written to, with links resolved. `replace`: a file exists there and is to be replaced. */
export interface Target {
  readonly path: string;
  readonly replace: boolean;
}

/**
 * Throws `UsageError` if `path` exists and `force` is false. Even with `force`, refuses files that are read (`inputs`)
 * and anything that is not a regular file. A link is followed: the file that it points to is replaced, not the link.
 */
export function checkTarget(path: string, force: boolean, inputs: readonly string[]): Target {
  if (lookAt(path) === null) return { path, replace: false };
  if (!force) throw new UsageError(`${path} already exists`, { remedies: ['force'] });
  const found = statOf(path);
  if (found === null) throw new UsageError(`${path} is a dangling symbolic link`);
  if (!found.isFile()) throw new UsageError(`${path} is not a regular file`);
  const isRead = inputs.map(statOf).some((input) => input?.dev === found.dev && input.ino === found.ino);
  if (isRead) throw new UsageError(`${path} is an input file and is not overwritten`);
  return { path: realpathSync(path), replace: true };
}

const lookAt = (path: string): Stats | null => lstatSync(path, { throwIfNoEntry: false }) ?? null;
const statOf = (path: string): Stats | null => statSync(path, { throwIfNoEntry: false }) ?? null;

/**
 * Calls `write` with a temporary name, and renames the file to the target when it is complete; an existing file stays
 * until then. Returns the size in bytes. Throws `DumpError` if the system refuses.
 */
export async function writeTo({ path, replace }: Target, write: (draft: string) => Promise<void>): Promise<number> {
  const draft = `${path}.partial-${process.pid}`;
  try {
    return await withDraft(draft, async () => {
      await write(draft);
      place(draft, path, replace);
      return statSync(path).size;
    });
  } catch (error) {
    throw isOfSystem(error) ? new DumpError(`${path}: ${error.message}`, { code: 'system', cause: error }) : error;
  }
}

/** Writes a text as a file, as `writeTo` does. Returns the size in bytes. */
export const writeText = (target: Target, text: string): Promise<number> =>
  writeTo(target, (draft) => {
    writeFileSync(draft, text, { flag: 'wx' });
    return Promise.resolve();
  });

const isOfSystem = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && 'syscall' in error;

/** Gives the file its name. link(2) fails if the name exists, so a file created since the check is not overwritten. */
function place(draft: string, path: string, replace: boolean): void {
  if (replace) {
    renameSync(draft, path);
    return;
  }
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' || lookAt(path) !== null)
      throw new UsageError(`${path} was created in the meantime; nothing was written`);
    // The file system has no hard links.
    renameSync(draft, path);
  }
}
