// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { Streams } from '../commands/command.js';
import { UsageError } from '../core/errors.js';
import { reasonOf } from '../io/system-error.js';
import type { StderrLog } from './log.js';

/** A write to standard output failed. */
export class OutputError extends Error {
  /** The reader has closed the pipe (`| head`), which is not an error. */
  readonly isClosed: boolean;

  constructor(cause: NodeJS.ErrnoException) {
    super(`standard output: ${reasonOf(cause)}`, { cause });
    this.isClosed = cause.code === 'EPIPE';
  }
}

/** Set once standard output has failed. */
let failed: OutputError | null = null;

/** From now on, an error of standard output fails the next read or write; errors of standard error are ignored. */
export function watchOutput(): void {
  process.stdout.on('error', (cause: NodeJS.ErrnoException) => {
    failed ??= new OutputError(cause);
    // A command that waits for standard input must stop waiting.
    process.stdin.on('error', () => undefined).destroy(failed);
  });
  // Answers are useful even if warnings can't be written.
  process.stderr.on('error', () => undefined);
}

/** Waits until all output has been written. Throws `OutputError` if standard output has failed. */
export async function outputWritten(): Promise<void> {
  await new Promise<void>((resolve) => {
    process.stdout.write('', () => {
      resolve();
    });
  });
  // The error of a write is emitted one turn later.
  await setImmediate();
  if (failed !== null) throw failed;
}

/** The streams of this process. */
export function streams(log: StderrLog): Streams {
  const { stdin, stdout } = process;
  return {
    log,
    async write(piece) {
      log.clear();
      if (failed !== null) throw failed;
      if (stdout.write(piece)) return;
      await once(stdout, 'drain').catch((cause: unknown) => {
        throw failed ?? cause;
      });
    },
    async *input() {
      // Node.js reads a directory as an empty stream.
      if (fstatSync(0).isDirectory())
        throw new UsageError('standard input is a directory; it must be a file or pipe with addresses');
      stdin.setEncoding('latin1');
      for await (const piece of stdin) yield piece as string;
    },
  };
}
