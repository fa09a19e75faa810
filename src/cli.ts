#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
import { CommanderError } from 'commander';
import { StderrLog } from './cli-log.js';
import { program } from './cli-program.js';
import type { ExitCode } from './commands/command.js';
import { DumpError, UsageError } from './core/errors.js';

/** A reader that has gone away (`| head`) ends the program quietly; any other trouble with the output is told. */
function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') process.stderr.write(`kvm-vtop: standard output: ${error.message}\n`);
  process.exit(error.code === 'EPIPE' ? 0 : 2);
}

function report(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const expected = error instanceof DumpError || error instanceof UsageError;
  const text = expected
    ? error.message
    : `internal error: ${error instanceof Error ? (error.stack ?? '') : String(error)}`;
  process.stderr.write(`kvm-vtop: ${text}\n`);
  return 2;
}

process.stdout.on('error', onOutputError);
// Warnings that nobody can read are no reason to keep the answers back.
process.stderr.on('error', () => undefined);
const finish = (code: ExitCode): void => {
  process.exitCode = code;
};
program(finish, (verbose) => new StderrLog(verbose))
  .parseAsync()
  .catch((error: unknown) => {
    finish(report(error));
  });
