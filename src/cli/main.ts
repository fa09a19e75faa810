#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { CommanderError } from 'commander';
import type { ExitCode } from '../commands/command.js';
import { commands } from '../commands/index.js';
import { DumpError, UsageError } from '../core/errors.js';
import { oneLine } from '../core/one-line.js';
import { threadsAtRest } from './end.js';
import { StderrLog } from './log.js';
import { readCommandLine } from './parser.js';
import { programOf } from './program.js';
import { run } from './run.js';
import { OutputError, outputWritten, streams, watchOutput } from './streams.js';

/** Put in by the build: the package's version. */
declare const KVM_VTOP_VERSION: string;

const linesOf = (error: unknown): string[] =>
  (error instanceof Error ? (error.stack ?? '') : String(error)).split('\n');

function report(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof OutputError && error.isClosed) return 0;
  const expected = [DumpError, UsageError, OutputError].some((known) => error instanceof known);
  const text = expected ? (error as Error).message : `internal error: ${linesOf(error).map(oneLine).join('\n')}`;
  process.stderr.write(`kvm-vtop: ${text}\n`);
  return 2;
}

/** Milliseconds: the longest that a timer takes. */
const FOREVER = 2 ** 31 - 1;

/** What the command line asks. */
async function answer(): Promise<ExitCode> {
  const request = readCommandLine(process.argv.slice(2), commands, KVM_VTOP_VERSION);
  const log = new StderrLog(request.values.verbose === true);
  return run(request, programOf(commands, KVM_VTOP_VERSION), streams(log));
}

async function main(): Promise<void> {
  // An event loop that has nothing to do but to wait for V8's threads waits as it does at the end: see threadsAtRest.
  const alive = setInterval(() => undefined, FOREVER);
  watchOutput();
  const finish = (code: ExitCode): void => {
    process.exitCode = code;
  };
  try {
    finish(await answer());
  } catch (error) {
    // Trouble with the output shows below, whoever met it first.
    if (!(error instanceof OutputError)) finish(report(error));
  }
  await outputWritten().catch((error: unknown) => {
    finish(report(error));
  });
  await threadsAtRest();
  clearInterval(alive);
}

void main();
