// SPDX-License-Identifier: Apache-2.0
// Files that the program keeps for itself in the user's cache folder. What another user could have written is not read.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writevSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheHome, draftOf, makeFolder } from './cache-folder.js';

const PROGRAM = 'kvm-vtop';

/** The most bytes of a file that is read, unless a caller knows better. */
const LARGEST = 64 * 1024 * 1024;

/** Write permission of the group and of others. */
const OTHERS_WRITE = 0o022;

/** Whether the environment turns all caches off. */
export const cachesAreOff = (): boolean => process.env.KVM_VTOP_CACHE === 'off';

/** Turns all caches off, here and in the processes that are started. */
export function turnCachesOff(): void {
  process.env.KVM_VTOP_CACHE = 'off';
}

/** A folder of the program in the user's cache folder, which need not exist; null if caches are off, or the user has no cache folder. */
export function ownFolder(name: string): string | null {
  const home = cachesAreOff() ? null : cacheHome();
  return home === null ? null : join(home, PROGRAM, name);
}

/** Whether only this user can have written something, by its owner and mode. Root's trust in other users is that of any user. */
const isOwn = ({ uid, mode }: Stats): boolean => uid === process.geteuid?.() && (mode & OTHERS_WRITE) === 0;

/** Whether a folder of `ownFolder`, and that of the program in which it is, are folders that only this user can have written. */
function isOwnFolder(path: string): boolean {
  return [dirname(path), path].every((each) => {
    const found = lstatSync(each, { throwIfNoEntry: false });
    return found?.isDirectory() === true && isOwn(found);
  });
}

/**
 * The bytes of a file in a folder of `ownFolder`; null if it does not exist or can't be read, or if it or its folder is a link, belongs to
 * another user, can be written by others, or is larger than `largest` bytes.
 */
export function readOwn(path: string, largest = LARGEST): Uint8Array | null {
  try {
    if (!isOwnFolder(dirname(path))) return null;
    // Without O_NONBLOCK, a named pipe would be waited for.
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const found = fstatSync(file);
      return found.isFile() && isOwn(found) && found.size <= largest ? allOf(file, found.size) : null;
    } finally {
      closeSync(file);
    }
  } catch {
    return null;
  }
}

function allOf(file: number, size: number): Uint8Array | null {
  const bytes = Buffer.allocUnsafeSlow(size);
  for (let at = 0; at < size; ) {
    const count = readSync(file, bytes, at, size - at, at);
    if (count === 0) return null;
    at += count;
  }
  return bytes;
}

/**
 * Writes a file in a folder of `ownFolder`, under a temporary name that is then changed: others see all of it or nothing. `contents` is
 * called once the file can be written. Throws the system's error, or that the folder is not safe.
 */
export function writeOwn(path: string, contents: () => readonly Uint8Array[]): void {
  const folder = dirname(path);
  makeFolder(folder);
  if (!isOwnFolder(folder)) throw new Error(`${folder}: not a folder that only this user can write to`);
  const draft = draftOf(path);
  try {
    const file = openSync(draft, 'wx', 0o600);
    try {
      writeAll(file, contents());
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

function writeAll(file: number, pieces: readonly Uint8Array[]): void {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  // A full disk can take a part.
  if (writevSync(file, pieces) !== length) throw new Error('not all of it could be written');
}

/** Deletes all but the newest files in a folder. */
export function keepNewest(folder: string, count: number): void {
  const aged = readdirSync(folder).map((name) => {
    const path = join(folder, name);
    return { path, time: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 };
  });
  aged.sort((a, b) => b.time - a.time);
  for (const { path } of aged.slice(count)) rmSync(path, { force: true });
}
