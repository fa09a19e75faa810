// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

/** A folder of the user's for what can be made again ($XDG_CACHE_HOME or ~/.cache); null where there is none. */
export function cacheHome(): string | null {
  const named = process.env.XDG_CACHE_HOME ?? '';
  if (isAbsolute(named)) return named;
  const home = homeOf();
  return isAbsolute(home) ? join(home, '.cache') : null;
}

/** Empty for a user without one: no HOME, and no entry in passwd, as in a container. */
function homeOf(): string {
  try {
    return homedir();
  } catch {
    return '';
  }
}

/** Bytes of a file; null where there is none, or its folder can't be looked into. */
function sizeOfFile(path: string): number | null {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    return found?.isFile() === true ? found.size : null;
  } catch {
    return null;
  }
}

/** Whether a file is there that can be looked at. */
export const fileExists = (path: string): boolean => sizeOfFile(path) !== null;

/** Whether a file is there and not empty. */
export const hasContents = (path: string): boolean => (sizeOfFile(path) ?? 0) > 0;

/** The text of a small file; null when there is none, or it can't be read. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/**
 * Makes a folder and those above it. Not by mkdir's own `recursive`, which never returns where the system says ENOENT of
 * a folder whose parent is there (/proc, a folder that is gone). Throws the system's error.
 */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process may have made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/**
 * Writes a whole file under another name and then gives it its own, so that who reads at the same time, or writes the
 * same, meets the old one or the new one and nothing between. Throws the system's error.
 */
export function writeWhole(path: string, contents: string | Uint8Array): void {
  makeFolder(dirname(path));
  const draft = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    writeFileSync(draft, contents, { flag: 'wx' });
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}
