// SPDX-License-Identifier: Apache-2.0
import { type Argument, argumentName, type Remedy } from './advice.js';
import { oneLine } from './one-line.js';

/** Where something was read: a file and a byte offset in it, or a named memory and an address in it. */
export interface Place {
  /** Name of the file or of the memory. */
  readonly source: string;
  /** A byte offset in the file, or an address. */
  readonly offset: number | bigint;
}

export const placeText = (place: Place): string => `${place.source} at 0x${place.offset.toString(16)}`;

/** Kind of a `DumpError`, for programs. The wording of messages can change, these codes do not. */
export type DumpErrorCode =
  /** The operating system refused: a file can't be opened, read or written, or a decoder can't be started. */
  | 'system'
  /** A file is not a dump, or its format is not recognised. */
  | 'not-a-dump'
  /** Recognised but not supported: another architecture or hypervisor, or an unknown format or version. */
  | 'unsupported'
  /** A file ends too early, or a part of a split dump is missing. The missing data may have held the answer. */
  | 'truncated'
  /** The data contradicts itself: the dump, or a file given with it, is damaged. */
  | 'damaged'
  /** What is needed was left out when the dump was written. */
  | 'not-in-dump'
  /** A file given with the dump, or a part of a split dump, is not the kind of file it was given as. */
  | 'wrong-file'
  /** A file given with the dump describes another build of the kernel or of a module. */
  | 'other-build'
  /** No kernel was found in the dump. */
  | 'no-kernel'
  /** A symbol that is needed is in none of the symbol tables. */
  | 'no-symbols'
  /** A structure or a member that is needed is in none of the sources of types. */
  | 'no-types'
  /** KVM was not loaded on this host. */
  | 'no-kvm'
  /** No process in the dump has this pid or task_struct address. */
  | 'no-process'
  /** The process does not hold a VM. */
  | 'no-vm';

export interface DumpErrorDetails {
  /** Default: that of `origin`, else `damaged`. */
  readonly code?: DumpErrorCode;
  readonly place?: Place;
  /** Helps to judge the problem, or to work around it with other programs; appended to the message. */
  readonly hint?: string;
  /** What the caller can do about it. */
  readonly remedies?: readonly Remedy[];
  readonly cause?: unknown;
  /** The error that this one adds context to. Its code, place and remedies are kept unless others are given. */
  readonly origin?: DumpError;
}

/** Start of each message whose cause is that a file ends too early, or that a part of a split dump is missing. */
export const TRUNCATED = 'the dump is truncated or incomplete: ';

/**
 * The dump, or what is known about it, can't answer. `message` is one line: where, what was read, what is wrong, and
 * the hint. It does not name options of the command line; `remedies` say what to supply or to do.
 */
export class DumpError extends Error {
  /** What kind of problem it is. */
  readonly code: DumpErrorCode;
  /** The innermost place: where the problem was found. */
  readonly place: Place | undefined;
  /** What helps to judge the problem; the message ends with it. */
  readonly hint: string | undefined;
  /** Empty if no remedy is known. */
  readonly remedies: readonly Remedy[];

  /** @internal */
  constructor(problem: string, details: DumpErrorDetails = {}) {
    const { origin, place, hint } = details;
    const where = place ? `${placeText(place)}: ` : '';
    const help = hint === undefined ? '' : `; ${hint}`;
    super(oneLine(`${where}${problem}${help}`), { cause: details.cause ?? origin });
    this.name = 'DumpError';
    this.code = details.code ?? origin?.code ?? 'damaged';
    this.place = origin?.place ?? place;
    this.hint = hint ?? origin?.hint;
    this.remedies = details.remedies ?? origin?.remedies ?? [];
  }

  /**
   * A copy of this error whose message begins with what was being done: `memslots of pid 4211: slot tree: …`.
   *
   * @internal
   */
  within(doing: string): DumpError {
    // That the dump ends too early stays in front.
    const message = this.message.startsWith(TRUNCATED)
      ? `${TRUNCATED}${doing}: ${this.message.slice(TRUNCATED.length)}`
      : `${doing}: ${this.message}`;
    return new DumpError(message, { origin: this });
  }
}

export interface UsageErrorDetails {
  /** The argument that was not given. The message begins with its name and `is missing: `. */
  readonly missing?: Argument;
  /** The argument whose value is not valid. The message begins with its name. */
  readonly wrong?: Argument;
  readonly remedies?: readonly Remedy[];
  /** The valid choices. The message ends with a line for each. */
  readonly choices?: readonly string[];
  /** The valid choices, if `problem` lists them. */
  readonly named?: readonly string[];
}

/** The question is not valid as asked. `message` uses the library's names of arguments. */
export class UsageError extends Error {
  /** The argument that is missing or not valid; null if the problem is not with an argument. */
  readonly argument: Argument | null;
  /** Whether `argument` was not given at all. */
  readonly isMissing: boolean;
  /** What the caller can do about it. */
  readonly remedies: readonly Remedy[];
  /** The valid choices, for example the VMs of the dump; empty if the message does not list them. */
  readonly choices: readonly string[];
  /**
   * The choices that are lines of the message.
   *
   * @internal
   */
  readonly lines: readonly string[];
  /** What is wrong, without the name of the argument and without the choices. */
  readonly problem: string;

  /** @internal */
  constructor(problem: string, details: UsageErrorDetails = {}) {
    const { missing, wrong, remedies = [], choices: lines = [], named = [] } = details;
    const argument = missing ?? wrong ?? null;
    const parts = { problem, argument, isMissing: missing !== undefined, lines };
    super(usageText(parts, argumentName, []));
    this.name = 'UsageError';
    this.problem = problem;
    this.argument = argument;
    this.isMissing = parts.isMissing;
    this.remedies = remedies;
    this.choices = [...lines, ...named];
    this.lines = lines;
  }
}

/** The same error about another argument, or with another problem and without remedies. */
export function changed(
  { argument, isMissing, problem, remedies, choices, lines }: UsageError,
  change: { readonly argument?: Argument; readonly problem?: string },
): UsageError {
  const about = change.argument ?? argument;
  const named = choices.filter((choice) => !lines.includes(choice));
  return new UsageError(change.problem ?? problem, {
    ...(about === null ? {} : isMissing ? { missing: about } : { wrong: about }),
    ...(change.problem === undefined ? { remedies } : {}),
    choices: lines,
    named,
  });
}

/** The message of a `UsageError` with `name` for arguments and `advice` appended. Each choice is a line of its own. */
export function usageText(
  { problem, argument, isMissing, lines }: Pick<UsageError, 'problem' | 'argument' | 'isMissing' | 'lines'>,
  name: (argument: Argument) => string,
  advice: readonly string[],
): string {
  const about = argument === null ? '' : `${name(argument)} ${isMissing ? 'is missing: ' : ''}`;
  const head = [`${about}${problem}`, ...advice].join('; ');
  return [lines.length === 0 ? head : `${head}:`, ...lines].map(oneLine).join('\n');
}

/** Returns what `work` returns, or null if it throws a `DumpError`. For what is optional in an answer. */
export function orNull<T>(work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (error instanceof DumpError) return null;
    throw error;
  }
}

/** Called with the reason why a part of something can't be read. */
export type Lost = (why: DumpError) => void;

/** Returns what `work` returns. If it throws a `DumpError`, calls `lost` with it and returns null; without `lost` throws it. */
export function orLost<T>(lost: Lost | undefined, work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DumpError) || lost === undefined) throw error;
    lost(error);
    return null;
  }
}

/** Runs `work`. The message of a `DumpError` that it throws begins with `doing`. */
export function during<T>(doing: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof DumpError ? error.within(doing) : error;
  }
}
