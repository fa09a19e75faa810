// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs';
import { DumpError, UsageError } from '../core/errors.js';
import { reasonOf } from './system-error.js';

/** Throws `DumpError` if there is no folder at a path, `UsageError` if the path is empty. */
export function requireFolder(path: string): void {
  if (path === '') throw new UsageError('the path of a directory is empty');
  if (!isFolder(path)) throw new DumpError(`${path}: not a directory`, { code: 'system' });
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (cause) {
    throw new DumpError(`${path}: ${reasonOf(cause, { ENOENT: 'no such directory' })}`, { code: 'system', cause });
  }
}
