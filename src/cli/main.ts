// SPDX-License-Identifier: Apache-2.0
import { CommanderError } from 'commander';
import { optimizeLate } from '../codecs/wasm.js';
import type { Command, ExitCode, Need, Request } from '../commands/command.js';
import { allCommands, mainCommand } from '../commands/on-demand.js';
import { checkWords } from '../commands/perform.js';
import { DumpError, UsageError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { oneLine } from '../core/one-line.js';
import type { Compiled } from './compiled.js';
import { threadsAtRest } from './end.js';
import { flagsAreUsual, setFlag } from './flags.js';
import { StderrLog } from './log.js';
import { mayBeMain, mayScan, readCommandLine } from './parser.js';
import { errorText } from './remedies.js';
import { run } from './run.js';
import { endEarly, isWorker, startEarly } from './scan-start.js';
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

/**
 * Parses the command line. `commands`: those that were loaded for it. The main command is tried first; what is not a valid command line
 * of it can be one of another command, and what is wrong with it is known only with all of them.
 */
async function asked(words: readonly string[]): Promise<{ request: Request; commands: readonly Command[] }> {
  const own = mayBeMain(words) ? ifValid(words) : null;
  if (own !== null) return { request: own, commands: [mainCommand] };
  if (mayScan(words)) startEarly();
  const commands = await allCommands();
  return { request: readCommandLine(words, commands, KVM_VTOP_VERSION), commands };
}

/** The request of a command line if it is a valid one of the main command; else null. */
function ifValid(words: readonly string[]): Request | null {
  try {
    const request = readCommandLine(words, [mainCommand], KVM_VTOP_VERSION);
    checkWords(request);
    return request;
  } catch (error) {
    if (error instanceof UsageError) return null;
    throw error;
  }
}

/** Parses the command line and runs its command. Returns what is to be done once its output has been written. */
async function answer(compiled: Compiled | null): Promise<{ readonly status: ExitCode; readonly atEnd: () => void }> {
  const { request, commands } = await asked(process.argv.slice(2));
  const log = new StderrLog({ verbose: request.values.verbose === true, quiet: request.values.quiet === true });
  for (const text of compiled?.texts ?? ['caches: none']) log.found(text);
  const status = await run(
    request,
    { commands, version: KVM_VTOP_VERSION, build: compiled?.build ?? null },
    streams(log),
  );
  const isKept = compiled !== null && status < 2 && !SHORT.has(request.command.needs);
  return {
    status,
    atEnd: () => {
      if (isKept) keep(compiled, log);
    },
  };
}

function keep(compiled: Compiled, log: Log): void {
  if (!flagsAreUsual()) return;
  const before = compiled.texts;
  compiled.save();
  for (const text of compiled.texts) if (!before.includes(text)) log.found(text);
}

/** Runs the program. `compiled`: its compiled code; null if that is not kept. */
export async function main(compiled: Compiled | null): Promise<void> {
  if (isWorker()) return (await import('./scan-work.js')).work(KVM_VTOP_VERSION, compiled);
  optimizeLate((budget) => {
    setFlag(`--wasm-tiering-budget=${budget}`);
  });
  // A timer keeps the event loop running; without it the loop would end and wait for V8's threads: see threadsAtRest.
  const alive = setInterval(() => undefined, FOREVER);
  const finish = (code: ExitCode): void => {
    process.exitCode = code;
  };
  let atEnd = (): void => undefined;
  try {
    const answered = await answer(compiled);
    finish(answered.status);
    atEnd = answered.atEnd;
  } catch (error) {
    // An OutputError is reported below, wherever it was thrown.
    if (!(error instanceof OutputError)) finish(report(error));
  }
  await outputWritten().catch((error: unknown) => {
    finish(report(error));
  });
  endEarly();
  // Before the flags of V8 are changed.
  atEnd();
  await threadsAtRest();
  clearInterval(alive);
}
