// SPDX-License-Identifier: Apache-2.0
import { setFlagsFromString } from 'node:v8';
import { CommanderError } from 'commander';
import { optimizeLate } from '../codecs/wasm.js';
import type { ExitCode, Need } from '../commands/command.js';
import { commands } from '../commands/index.js';
import { DumpError, UsageError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { oneLine } from '../core/one-line.js';
import type { CodeCache } from './code-cache.js';
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

/** Commands that run too little of the program for its compiled code to be kept. */
const SHORT: ReadonlySet<Need> = new Set<Need>(['nothing', 'files', 'many']);

/** Parses the command line and runs its command. Returns what is to be done once its output has been written. */
async function answer(code: CodeCache | null): Promise<{ readonly status: ExitCode; readonly atEnd: () => void }> {
  const request = readCommandLine(process.argv.slice(2), commands, KVM_VTOP_VERSION);
  const log = new StderrLog({ verbose: request.values.verbose === true, quiet: request.values.quiet === true });
  log.found(code?.text ?? 'caches: none');
  const status = await run(request, programOf(commands, KVM_VTOP_VERSION), streams(log));
  const isKept = code !== null && status < 2 && !SHORT.has(request.command.needs);
  return {
    status,
    atEnd: () => {
      if (isKept) keep(code, log);
    },
  };
}

function keep(code: CodeCache, log: Log): void {
  const before = code.text;
  code.save();
  if (code.text !== before) log.found(code.text);
}

/** Runs the program. `code`: its compiled code; null if that is not kept. */
export async function main(code: CodeCache | null): Promise<void> {
  if (isWorker()) return work(KVM_VTOP_VERSION);
  optimizeLate((budget) => {
    setFlagsFromString(`--wasm-tiering-budget=${budget}`);
  });
  // A timer keeps the event loop running; without it the loop would end and wait for V8's threads: see threadsAtRest.
  const alive = setInterval(() => undefined, FOREVER);
  const finish = (code: ExitCode): void => {
    process.exitCode = code;
  };
  let atEnd = (): void => undefined;
  try {
    const answered = await answer(code);
    finish(answered.status);
    atEnd = answered.atEnd;
  } catch (error) {
    // An OutputError is reported below, wherever it was thrown.
    if (!(error instanceof OutputError)) finish(report(error));
  }
  await outputWritten().catch((error: unknown) => {
    finish(report(error));
  });
  // Before the flags of V8 are changed.
  atEnd();
  await threadsAtRest();
  clearInterval(alive);
}
