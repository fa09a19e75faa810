// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { fstatSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { Streams } from '../commands/command.js';
import { UsageError } from '../core/errors.js';
import type { StderrLog } from './log.js';

/** Standard output can't be written to any more. */
export class OutputError extends Error {
  /** Its reader has gone away (`| head`): no failure of the program. */
  readonly isClosed: boolean;

  constructor(cause: NodeJS.ErrnoException) {
    super(`standard output: ${cause.message}`, { cause });
    this.isClosed = cause.code === 'EPIPE';
  }
}

/** Set once standard output has failed. */
let failed: OutputError | null = null;

/** What goes wrong with standard output ends whatever is read or written next; with standard error it is passed over. */
export function watchOutput(): void {
  process.stdout.on('error', (cause: NodeJS.ErrnoException) => {
    failed ??= new OutputError(cause);
    // A command that waits for input must not wait for it any longer.
    process.stdin.on('error', () => undefined).destroy(failed);
  });
  // Answers are still wanted where warnings can't be written.
  process.stderr.on('error', () => undefined);
}

/** Waits until all that was written is out. Throws `OutputError` where standard output has failed. */
export async function outputWritten(): Promise<void> {
  await new Promise<void>((resolve) => {
    process.stdout.write('', () => {
      resolve();
    });
  });
  // What went wrong with a write is told a turn later.
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
      // Node.js takes a directory for a stream without anything in it.
      if (fstatSync(0).isDirectory()) throw new UsageError('standard input is a directory; give a file of addresses');
      stdin.setEncoding('latin1');
      for await (const piece of stdin) yield piece as string;
    },
  };
}
