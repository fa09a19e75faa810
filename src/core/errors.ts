// SPDX-License-Identifier: Apache-2.0
import { oneLine } from './one-line.js';

/** Where something was read: a file and a byte offset in it, or an address of a named memory. */
export interface Place {
  readonly source: string;
  readonly offset: number | bigint;
}

export const placeText = (place: Place): string => `${place.source} at 0x${place.offset.toString(16)}`;

export interface DumpErrorDetails {
  readonly place?: Place;
  /** What the user can do about it. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Set where a file ends too early: what lies behind is not known, unlike what can't be read. */
  readonly cutOff?: boolean;
}

/** How a message begins whose cause is that a file ends too early, or that one of several is missing. */
export const TRUNCATED = 'the dump is truncated or incomplete: ';

/** The dump, or what is known of it, can't answer. One line: what was read, where, what is wrong, what would help. */
export class DumpError extends Error {
  readonly place: Place | undefined;
  readonly hint: string | undefined;
  readonly cutOff: boolean;

  constructor(problem: string, details: DumpErrorDetails = {}) {
    const where = details.place ? `${placeText(details.place)}: ` : '';
    const help = details.hint === undefined ? '' : `; ${details.hint}`;
    super(oneLine(`${where}${problem}${help}`), { cause: details.cause });
    this.name = 'DumpError';
    this.place = details.place;
    this.hint = details.hint;
    this.cutOff = details.cutOff ?? false;
  }

  /** The same error with what was being done put in front: `memslots of pid 4211: slot tree: …`. */
  within(doing: string): DumpError {
    // That the dump ends too early stays the first thing said.
    const message = this.message.startsWith(TRUNCATED)
      ? `${TRUNCATED}${doing}: ${this.message.slice(TRUNCATED.length)}`
      : `${doing}: ${this.message}`;
    return new DumpError(message, { cause: this, cutOff: this.cutOff });
  }
}

/** The command line or an option can't be taken as it stands. `choices`: what there is to choose from, a line each. */
export class UsageError extends Error {
  constructor(problem: string, choices: readonly string[] = []) {
    super([problem, ...choices].map(oneLine).join('\n'));
    this.name = 'UsageError';
  }
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
