// SPDX-License-Identifier: Apache-2.0
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { UsageError } from '../core/errors.js';
import { type ExtractSource, PER_RECORD, writeMemory } from './extraction.js';
import type { FrameRun } from './kdump-sink.js';
import { Progress } from './progress.js';
import { finishAs, namingError, PRIVATE, type Target, writeTo } from './target.js';

/** What was written, and the size of the file in bytes. */
export interface MemoryFile {
  readonly written: readonly FrameRun[];
  readonly size: number;
}

/** Writes memory as a file, as `writeTo` does: if it is not completed, nothing is left of it. */
export async function writeMemoryFile(target: Target, source: ExtractSource): Promise<MemoryFile> {
  let written: readonly FrameRun[] = [];
  const size = await writeTo(target, PRIVATE, async (draft) => {
    written = await writeMemory(draft, source, null);
  });
  return { written, size };
}

/**
 * Writes memory as a file. If it is not completed, what has been written stays beside the target, with the ending `.partial`,
 * and the next call continues it. `key`: what is written; a file that was begun with another key is written anew. `onContinue`
 * is called with the next frame if a file is continued. `every`: pages after which the state of the file is recorded. Throws `UsageError`
 * if another process is writing it, or if a file with that name is not one that this function has left.
 */
export async function continueMemoryFile(
  target: Target,
  source: ExtractSource,
  key: string,
  onContinue: (next: number) => void,
  every = PER_RECORD,
): Promise<MemoryFile> {
  const partial = `${target.path}.partial`;
  const [record, lock] = [`${partial}.state`, `${partial}.lock`];
  try {
    take(lock, partial);
    try {
      begin(partial, record);
      const { size } = statSync(partial);
      const progress = new Progress(record, key, (position) => position <= size);
      try {
        // What else it has would be read again where the new file has holes.
        if (progress.begun === null) truncateSync(partial);
        else onContinue(progress.next);
        const written = await writeMemory(partial, source, progress, every);
        finishAs(partial, target);
        rmSync(record);
        return { written, size: statSync(target.path).size };
      } finally {
        progress.close();
      }
    } finally {
      rmSync(lock, { force: true });
    }
  } catch (error) {
    throw namingError(partial, error);
  }
}

/** Creates the file, if there is none. Throws `UsageError` for one that this program has not left: that has a record beside it. */
function begin(partial: string, record: string): void {
  const found = lstatSync(partial, { throwIfNoEntry: false });
  if (found === undefined) closeSync(openSync(partial, 'wx', PRIVATE));
  else if (!found.isFile() || (found.size > 0 && !existsSync(record)))
    throw new UsageError(`${partial} exists, and is not a file that can be continued; move it away`);
}

/**
 * Creates a file with the number of this process; one of a process that has ended is replaced. So is one with the number of
 * this process: in containers a process often has the number of the one before it.
 */
function take(lock: string, partial: string): void {
  const own = `${process.pid}\n`;
  try {
    writeFileSync(lock, own, { flag: 'wx', mode: PRIVATE });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const other = Number(readFileSync(lock, 'utf8'));
    if (other !== process.pid && isRunning(other))
      throw new UsageError(`${partial} is being written by process ${other}`);
    writeFileSync(lock, own);
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid < 1) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
