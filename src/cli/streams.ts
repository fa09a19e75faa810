// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { fstatSync, writeSync } from 'node:fs';
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

/** The streams of Node.js that are in use. They take milliseconds to make. */
let output: NodeJS.WriteStream | null = null;
let errors: NodeJS.WriteStream | null = null;

/** Standard output as a stream. From now on, an error of it fails the next read or write. */
export function standardOutput(): NodeJS.WriteStream {
  if (output !== null) return output;
  output = process.stdout;
  output.on('error', (cause: NodeJS.ErrnoException) => {
    failed ??= new OutputError(cause);
    // A command that waits for standard input must stop waiting.
    process.stdin.on('error', () => undefined).destroy(failed);
  });
  return output;
}

/** Standard error as a stream. Errors of it are ignored: answers are useful even if warnings can't be written. */
export function standardError(): NodeJS.WriteStream {
  if (errors !== null) return errors;
  errors = process.stderr;
  errors.on('error', () => undefined);
  return errors;
}

const OUTPUT = 1;

/**
 * Bytes that are written without a stream, as an answer to one address is. Pipes and sockets hold more, so whoever reads them can't make the
 * program wait here; a terminal that has been stopped can, as it does with a stream of Node.js.
 */
let direct = 16 * 1024;

/** What a short write counts as: in a socket it takes nearly as much room. */
const LEAST = 1024;

/** Writes to standard output without a stream; returns what must be written to the stream. Throws `OutputError`. */
function writeDirectly(piece: string | Uint8Array): string | Uint8Array {
  if (output !== null || direct < piece.length) return piece;
  let rest: Uint8Array = typeof piece === 'string' ? Buffer.from(piece) : piece;
  direct -= Math.max(rest.length, LEAST);
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(OUTPUT, rest));
  } catch (cause) {
    // It is full, and another process has made it one that does not wait: a stream does.
    if ((cause as NodeJS.ErrnoException).code === 'EAGAIN') return rest;
    failed = new OutputError(cause as NodeJS.ErrnoException);
    throw failed;
  }
  return rest;
}

/** Waits until all output has been written. Throws `OutputError` if standard output has failed. */
export async function outputWritten(): Promise<void> {
  const stream = output;
  if (stream !== null) {
    await new Promise<void>((resolve) => {
      stream.write('', () => {
        resolve();
      });
    });
    // The error of a write is emitted one turn later.
    await setImmediate();
  }
  if (failed !== null) throw failed;
}

/** The streams of this process. */
export function streams(log: StderrLog): Streams {
  return {
    log,
    async write(piece) {
      log.clear();
      if (failed !== null) throw failed;
      const rest = writeDirectly(piece);
      if (rest.length === 0) return;
      const stream = standardOutput();
      if (stream.write(rest)) return;
      await once(stream, 'drain').catch((cause: unknown) => {
        throw failed ?? cause;
      });
    },
    async *input() {
      // Node.js reads a directory as an empty stream.
      if (fstatSync(0).isDirectory())
        throw new UsageError('standard input is a directory; it must be a file or pipe with addresses');
      const { stdin } = process;
      stdin.setEncoding('latin1');
      for await (const piece of stdin) yield piece as string;
    },
  };
}
