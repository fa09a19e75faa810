// SPDX-License-Identifier: Apache-2.0
import type { Advice } from './advice.js';

/** Where findings go that are no answers. Standard error in the CLI. */
export interface Log {
  /** Something the user must know to judge an answer. `advice`: what would help; the error that the text speaks of. */
  warn(text: string, advice?: Advice): void;
  /** What was found where, for who asked. */
  found(text: string): void;
  /** Runs a step of the work; its name and time are told to who asked, or while it takes long. */
  step<T>(name: string, work: () => T): T;
  stepAsync<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Called often while something is read: a chance to say that the step still goes on. */
  tick(): void;
}

export const silentLog: Log = {
  warn: () => undefined,
  found: () => undefined,
  step: (_name, work) => work(),
  stepAsync: (_name, work) => work(),
  tick: () => undefined,
};
