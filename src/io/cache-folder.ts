// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

/** The user's cache folder ($XDG_CACHE_HOME or ~/.cache); null if there is none. */
export function cacheHome(): string | null {
  const named = process.env.XDG_CACHE_HOME ?? '';
  if (isAbsolute(named)) return named;
  const home = homeOf();
  return isAbsolute(home) ? join(home, '.cache') : null;
}

/** The home folder; empty for a user without HOME and without an entry in passwd, as in a container. */
function homeOf(): string {
  // As node:os has it, which takes time to load.
  const named = process.env.HOME ?? '';
  if (named !== '') return named;
  try {
    return homedir();
  } catch {
    return '';
  }
}

/** Size of a file in bytes; null if there is no such file, or its folder can't be searched. */
function sizeOfFile(path: string): number | null {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found?.isFile() === true ? found.size : null;
  } catch {
    return null;
  }
}

/** Whether `path` is a regular file that can be examined. */
export const fileExists = (path: string): boolean => sizeOfFile(path) !== null;

/** Whether `path` is a regular file that is not empty. */
export const hasContents = (path: string): boolean => (sizeOfFile(path) ?? 0) > 0;

/**
 * Makes a folder and its parents. Does not use mkdir's `recursive`, which never returns if mkdir(2) fails with ENOENT
 * although the parent exists (/proc, or a folder that was removed). Throws the system's error.
 */
export function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process may have made it in the meantime.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** A name for a file while it is written, which no other process uses. */
export const draftOf = (path: string): string => `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;

/**
 * Writes a file under a temporary name and renames it, so that concurrent readers and writers see either the old or the
 * new contents, never a part. Throws the system's error.
 */
export function writeWhole(path: string, contents: string | Uint8Array): void {
  makeFolder(dirname(path));
  const draft = draftOf(path);
  try {
    writeFileSync(draft, contents, { flag: 'wx' });
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}
