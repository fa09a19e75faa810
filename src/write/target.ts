// SPDX-License-Identifier: Apache-2.0
import {
  accessSync,
  chmodSync,
  constants,
  linkSync,
  lstatSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { DumpError, UsageError } from '../core/errors.js';
import { requireFolder } from '../io/folder.js';
import { isOfSystem, reasonOf } from '../io/system-error.js';
import { withDraft } from './draft.js';

/** A path that may be written to, with links resolved. `replace`: a file exists there and is to be replaced. */
export interface Target {
  readonly path: string;
  readonly replace: boolean;
}

/**
 * Checks that a file can be written: as far as possible before it is made, which can take long. Refuses an existing file
 * unless `force` is true. Even with `force`, refuses files that are read (`inputs`) and anything that is not a regular
 * file. A link is followed: the file that it points to is replaced, not the link. Throws `UsageError`, or `DumpError` if
 * the system refuses.
 */
export function checkTarget(path: string, force: boolean, inputs: readonly string[]): Target {
  if (path === '') throw new UsageError('the path of the file to write is empty');
  if (path === '-') throw new UsageError(`standard output can't be used: a file is needed; './-' is a file named '-'`);
  return namingErrors(path, () => {
    if (lookAt(path) === null) {
      checkFolder(dirname(path));
      return { path, replace: false };
    }
    const found = statOf(path);
    if (found === null) throw new UsageError(`${path} is a dangling symbolic link`);
    if (!found.isFile())
      throw new UsageError(`${path} is ${found.isDirectory() ? 'a directory' : 'not a regular file'}`);
    if (inputs.some((input) => isFile(input, found)))
      throw new UsageError(`${path} is an input file and is not overwritten`);
    if (!force) throw new UsageError(`${path} already exists`, { remedies: ['force'] });
    return { path: realpathSync(path), replace: true };
  });
}

/** Checks that a file can be created in a folder. */
function checkFolder(folder: string): void {
  requireFolder(folder);
  namingErrors(folder, () => {
    accessSync(folder, constants.W_OK | constants.X_OK);
  });
}

/** Runs `work`. What the system refuses becomes a `DumpError` that begins with the path. */
function namingErrors<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw namingError(path, error);
  }
}

/** What the system refused, as a `DumpError` that begins with the path; any other error as it is. */
export const namingError = (path: string, error: unknown): unknown =>
  isOfSystem(error) ? new DumpError(`${path}: ${reasonOf(error)}`, { code: 'system', cause: error }) : error;

/** The file or the link at a path; null if there is none, also if a part of the path is not a directory. */
function lookAt(path: string): Stats | null {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) ?? null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return null;
    throw error;
  }
}

const statOf = (path: string): Stats | null => statSync(path, { throwIfNoEntry: false }) ?? null;

/** Whether a path leads to this file. Not if it can't be examined: reading it will report why. */
function isFile(path: string, { dev, ino }: Stats): boolean {
  try {
    const found = statOf(path);
    return found?.dev === dev && found.ino === ino;
  } catch {
    return false;
  }
}

/** Permissions of a new file that says more about the host than all its users may know. */
export const PRIVATE = 0o600;
/** Those of other files, without the umask. */
const PUBLIC = 0o666;
const PERMISSIONS = 0o777;

/**
 * Calls `write` with the name of an empty file, which is renamed to the target when it is complete; an existing file stays
 * until then, and the new one has its permissions. `mode`: those of a file that did not exist. Returns the size in bytes.
 * Throws `DumpError` if the system refuses.
 */
export async function writeTo(
  { path, replace }: Target,
  mode: number,
  write: (draft: string) => Promise<void>,
): Promise<number> {
  try {
    return await withDraft(`${path}.partial-${process.pid}`, replace ? PRIVATE : mode, async (draft) => {
      await write(draft);
      finishAs(draft, { path, replace });
      return statSync(path).size;
    });
  } catch (error) {
    throw namingError(path, error);
  }
}

/** Writes a text as a file, as `writeTo` does. Returns the size in bytes. */
export const writeText = (target: Target, text: string): Promise<number> =>
  writeTo(target, PUBLIC, (draft) => {
    writeFileSync(draft, text);
    return Promise.resolve();
  });

/** Gives a complete file the name of the target; an existing one is replaced, and passes on its permissions. */
export function finishAs(file: string, { path, replace }: Target): void {
  if (replace) chmodSync(file, statSync(path).mode & PERMISSIONS);
  place(file, path, replace);
  rmSync(file, { force: true });
}

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
