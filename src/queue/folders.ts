// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, realpathSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { DumpError } from '../core/errors.js';
import { isOfSystem, reasonOf } from '../io/system-error.js';

/** The real path of a folder, which is made if there is none. Throws `DumpError`. */
export const madeFolder = (path: string): string =>
  named(path, () => {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return realpathSync(path);
  });

/** The real path of a folder. Throws `DumpError`. */
export const folderAt = (path: string): string =>
  named(path, () => {
    if (!statSync(path).isDirectory()) throw new DumpError(`${path}: not a directory`, { code: 'system' });
    return realpathSync(path);
  });

function named<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw isOfSystem(error)
      ? new DumpError(`${path}: ${reasonOf(error, { ENOENT: 'no such directory' })}`, { code: 'system', cause: error })
      : error;
  }
}

/** Most bytes of a file with addresses. */
const MOST = 2 ** 26;

/** The text of a file with addresses, read while the event loop goes on. Throws `DumpError`. */
export async function readAddresses(path: string): Promise<string> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new DumpError(`${path}: ${reasonOf(cause, { ENOENT: 'no such file' })}`, { code: 'system', cause });
  });
  try {
    const found = await file.stat();
    if (!found.isFile() || found.size > MOST)
      throw new DumpError(`${path}: not a file with addresses, of at most 64 MiB`, { code: 'system' });
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
