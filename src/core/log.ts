// SPDX-License-Identifier: Apache-2.0
import type { Advice } from './advice.js';

/** Receives messages that are not answers: warnings, findings, progress. The CLI writes them to standard error. */
export interface Log {
  /** Something the user must know to judge an answer. `advice`: what would help, or the error that the text reports. */
  warn(text: string, advice?: Advice): void;
  /** A result that is not part of the output, such as totals of rows in CSV. */
  note(text: string): void;
  /** What was found where; shown on request. */
  found(text: string): void;
  /** Runs a step of the work. Its name and duration are reported on request, or while it takes long. */
  step<T>(name: string, work: () => T): T;
  /** Runs an asynchronous step of the work, like `step`. */
  stepAsync<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Called often during a step, so that the log can report that it is still running. `part`: what is done of it, 0 to 1. */
  tick(part?: number): void;
  /** Shows on a terminal how far the work is, in place of what was shown before. */
  status(text: string): void;
}

/** A log that also calls `note` with each warning, before it passes it on. */
export const noting = (log: Log, note: (warning: string) => void): Log => ({
  warn: (text, advice) => {
    note(text);
    log.warn(text, advice);
  },
  note: (text) => {
    log.note(text);
  },
  found: (text) => {
    log.found(text);
  },
  step: (name, work) => log.step(name, work),
  stepAsync: (name, work) => log.stepAsync(name, work),
  tick: (part) => {
    log.tick(part);
  },
  status: (text) => {
    log.status(text);
  },
});

/** Discards everything. A log that handles only one kind of message can extend it: `{ ...silentLog, warn }`. */
export const silentLog: Log = {
  warn: () => undefined,
  note: () => undefined,
  found: () => undefined,
  step: (_name, work) => work(),
  stepAsync: (_name, work) => work(),
  tick: () => undefined,
  status: () => undefined,
};
