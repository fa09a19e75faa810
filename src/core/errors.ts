// SPDX-License-Identifier: Apache-2.0
import { type Argument, argumentName, type Remedy } from './advice.js';
import { oneLine } from './one-line.js';

/** Where something was read: a file and a byte offset in it, or an address of a named memory. */
export interface Place {
  readonly source: string;
  readonly offset: number | bigint;
}

export const placeText = (place: Place): string => `${place.source} at 0x${place.offset.toString(16)}`;

/** What kind of obstacle a `DumpError` is, for a program that goes on from there. The wording of messages can change. */
export type DumpErrorCode =
  /** The system refuses: a file can't be opened, read or written, or a decoder can't be started. */
  | 'system'
  /** A file is not a dump, or is of a form that is not recognised. */
  | 'not-a-dump'
  /** Recognised, but not read: another machine, another hypervisor, a form or a version that is not known. */
  | 'unsupported'
  /** A file ends too early, or one part of a split dump is missing. What is lost may have held the answer. */
  | 'truncated'
  /** What is read contradicts itself: the dump, or a file beside it, is damaged. */
  | 'damaged'
  /** The writer of the dump left out what is needed. */
  | 'not-in-dump'
  /** A file beside the dump, or a part of a split one, is not what it was given for. */
  | 'wrong-file'
  /** A file beside the dump describes another build of the kernel or of a module. */
  | 'other-build'
  /** No kernel was found in the dump. */
  | 'no-kernel'
  /** A symbol that is needed is in no table of symbols. */
  | 'no-symbols'
  /** A structure or a member that is needed is in no source of types. */
  | 'no-types'
  /** KVM was not loaded on this host. */
  | 'no-kvm'
  /** No process of the dump has this number or address. */
  | 'no-process'
  /** The process holds no VM. */
  | 'no-vm';

export interface DumpErrorDetails {
  /** `damaged` where it is not given. */
  readonly code?: DumpErrorCode;
  readonly place?: Place;
  /** What helps to judge the problem, or to get around it by other means than this program's own. */
  readonly hint?: string;
  /** What the caller can do about it. */
  readonly remedies?: readonly Remedy[];
  readonly cause?: unknown;
  /** The error of which this one says more: its code, place and remedies hold unless others are given. */
  readonly origin?: DumpError;
}

/** How a message begins whose cause is that a file ends too early, or that one of several is missing. */
export const TRUNCATED = 'the dump is truncated or incomplete: ';

/**
 * The dump, or what is known of it, can't answer. `message` is one line: what was read, where, what is wrong, and the
 * hint. It names no option of the command line; `remedies` say what to give or to do, in the words of the library.
 */
export class DumpError extends Error {
  readonly code: DumpErrorCode;
  /** Innermost place. */
  readonly place: Place | undefined;
  readonly hint: string | undefined;
  /** Empty where nothing is known to help. */
  readonly remedies: readonly Remedy[];

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

  /** The same error with what was being done put in front: `memslots of pid 4211: slot tree: …`. */
  within(doing: string): DumpError {
    // That the dump ends too early stays the first thing said.
    const message = this.message.startsWith(TRUNCATED)
      ? `${TRUNCATED}${doing}: ${this.message.slice(TRUNCATED.length)}`
      : `${doing}: ${this.message}`;
    return new DumpError(message, { origin: this });
  }
}

export interface UsageErrorDetails {
  /** The argument that was not given: the message begins with its name and `is missing: `. */
  readonly missing?: Argument;
  /** The argument that can't be taken: the message begins with its name. */
  readonly wrong?: Argument;
  readonly remedies?: readonly Remedy[];
  /** What there is to choose from, a line each. */
  readonly choices?: readonly string[];
}

/** What was asked can't be taken as it stands. `message` calls arguments by the library's names. */
export class UsageError extends Error {
  /** What it is about; null where it is none of the arguments. */
  readonly argument: Argument | null;
  /** Whether that argument was not given at all. */
  readonly isMissing: boolean;
  readonly remedies: readonly Remedy[];
  readonly choices: readonly string[];

  constructor(
    readonly problem: string,
    details: UsageErrorDetails = {},
  ) {
    const { missing, wrong, remedies = [], choices = [] } = details;
    const argument = missing ?? wrong ?? null;
    const parts = { problem, argument, isMissing: missing !== undefined, choices };
    super(usageText(parts, argumentName, []));
    this.name = 'UsageError';
    this.argument = argument;
    this.isMissing = parts.isMissing;
    this.remedies = remedies;
    this.choices = choices;
  }
}

/** The message of a `UsageError` with other names for arguments, and with what would help. Choices take a line each. */
export function usageText(
  { problem, argument, isMissing, choices }: Pick<UsageError, 'problem' | 'argument' | 'isMissing' | 'choices'>,
  name: (argument: Argument) => string,
  advice: readonly string[],
): string {
  const about = argument === null ? '' : `${name(argument)} ${isMissing ? 'is missing: ' : ''}`;
  const head = [`${about}${problem}`, ...advice].join('; ');
  return [choices.length === 0 ? head : `${head}:`, ...choices].map(oneLine).join('\n');
}

/** What `work` returns; null where it ends in a `DumpError`: for what an answer can do without. */
export function orNull<T>(work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (error instanceof DumpError) return null;
    throw error;
  }
}

/** Runs `work`; a `DumpError` thrown inside says what was being done. */
export function during<T>(doing: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof DumpError ? error.within(doing) : error;
  }
}
