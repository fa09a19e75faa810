// SPDX-License-Identifier: Apache-2.0
import { linkSync, lstatSync, realpathSync, renameSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { DumpError, UsageError } from '../core/errors.js';
import { withDraft } from './draft.js';

/** A path that may be written to: what a name leads to, and whether something there is to be replaced. */
export interface Target {
  readonly path: string;
  readonly replace: boolean;
}

/**
 * Refuses a path that is taken, unless it may be overwritten (`force`); and even then what is read (`inputs`), and
 * whatever is no regular file. A link is followed, so that what it names is replaced and not the link.
 */
export function checkTarget(path: string, force: boolean, inputs: readonly string[]): Target {
  if (lookAt(path) === null) return { path, replace: false };
  if (!force) throw new UsageError(`${path} exists already`, { remedies: ['force'] });
  const found = statOf(path);
  if (found === null) throw new UsageError(`${path} is a link to nothing`);
  if (!found.isFile()) throw new UsageError(`${path} is no regular file`);
  const isRead = inputs.map(statOf).some((input) => input?.dev === found.dev && input.ino === found.ino);
  if (isRead) throw new UsageError(`${path} is what is read; it is not overwritten`);
  return { path: realpathSync(path), replace: true };
}

const lookAt = (path: string): Stats | null => lstatSync(path, { throwIfNoEntry: false }) ?? null;
const statOf = (path: string): Stats | null => statSync(path, { throwIfNoEntry: false }) ?? null;

/**
 * Has `write` make a file under another name, and gives it its own when that is done; what stood there before stays
 * until then. Returns its size in bytes.
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

/** The same for a small file. */
export const writeText = (target: Target, text: string): Promise<number> =>
  writeTo(target, (draft) => {
    writeFileSync(draft, text, { flag: 'wx' });
    return Promise.resolve();
  });

const isOfSystem = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && 'syscall' in error;

/** A link fails where the name is taken, so nobody's file is lost between the look and the deed. */
function place(draft: string, path: string, replace: boolean): void {
  if (replace) {
    renameSync(draft, path);
    return;
  }
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' || lookAt(path) !== null)
      throw new UsageError(`${path} has come into being meanwhile; nothing was written`);
    // A file system without hard links.
    renameSync(draft, path);
  }
}
