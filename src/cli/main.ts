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
import { errorText } from './remedies.js';
import { run } from './run.js';
import { isWorker } from './scan-start.js';
import { work } from './scan-work.js';
import { OutputError, outputWritten, standardError, streams } from './streams.js';

/** The version of the package; set by the build. */
declare const KVM_VTOP_VERSION: string;

const linesOf = (error: unknown): string[] =>
  (error instanceof Error ? (error.stack ?? '') : String(error)).split('\n');

function report(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof OutputError && error.isClosed) return 0;
  standardError().write(`kvm-vtop: ${textOf(error)}\n`);
  return 2;
}

function textOf(error: unknown): string {
  if (error instanceof DumpError || error instanceof UsageError) return errorText(error);
  if (error instanceof OutputError) return error.message;
  return `internal error: ${linesOf(error).map(oneLine).join('\n')}`;
}

/** The longest interval of a timer, in milliseconds. */
const FOREVER = 2 ** 31 - 1;

/** Parses the command line and runs its command. */
async function answer(): Promise<ExitCode> {
  const request = readCommandLine(process.argv.slice(2), commands, KVM_VTOP_VERSION);
  const log = new StderrLog({ verbose: request.values.verbose === true, quiet: request.values.quiet === true });
  return run(request, programOf(commands, KVM_VTOP_VERSION), streams(log));
}

async function main(): Promise<void> {
  if (isWorker()) return work(KVM_VTOP_VERSION);
  // A timer keeps the event loop running; without it the loop would end and wait for V8's threads: see threadsAtRest.
  const alive = setInterval(() => undefined, FOREVER);
  const finish = (code: ExitCode): void => {
    process.exitCode = code;
  };
  try {
    finish(await answer());
  } catch (error) {
    // An OutputError is reported below, wherever it was thrown.
    if (!(error instanceof OutputError)) finish(report(error));
  }
  await outputWritten().catch((error: unknown) => {
    finish(report(error));
  });
  await threadsAtRest();
  clearInterval(alive);
}

void main();
