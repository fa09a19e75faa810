// SPDX-License-Identifier: Apache-2.0
// The words for errors of the operating system. Node.js's own texts begin with a code and end with the name of a function.
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

/** Words that differ from those of libuv, and words for errors that it does not know. */
const WORDS: Readonly<Record<string, string>> = {
  EIO: 'input/output error',
  EISDIR: 'is a directory',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'too many symbolic links',
  EBUSY: 'it is in use',
  EDQUOT: 'disk quota exceeded',
  ESTALE: 'stale file handle',
};

/** Whether an error was reported by the operating system. */
export const isOfSystem = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'syscall' in error && 'errno' in error;

/** An error of the operating system in words: "permission denied". `own`: other words for some codes. */
export function reasonOf(error: unknown, own: Readonly<Record<string, string>> = {}): string {
  const { errno = 0 } = error as NodeJS.ErrnoException;
  const known = getSystemErrorMap().get(errno);
  // libuv has no name for some errors; the system has.
  const [name] = known ?? Object.entries(constants.errno).find(([, number]) => number === -errno) ?? [''];
  return own[name] ?? WORDS[name] ?? known?.[1] ?? (name === '' ? (error as Error).message : `system error ${name}`);
}
