// SPDX-License-Identifier: Apache-2.0

/** A value that is kept. */
export type Kept = null | boolean | number | string | readonly Kept[] | { readonly [key: string]: Kept };

/** How an answer that is not null is kept. `read`: undefined if something else is there. */
export interface KeptForm<T> {
  readonly write: (answer: T) => Kept;
  readonly read: (kept: Kept) => T | undefined;
}

/** The answer that is kept, or that of `ask`, which is kept then. */
export function keptOr<T>(
  kept: KeptAnswers,
  question: string,
  { read, write }: KeptForm<T>,
  ask: () => T | null,
): T | null {
  const there = kept.get(question);
  const known = there === null || there === undefined ? there : read(there);
  if (known !== undefined) return known;
  const found = ask();
  kept.set(question, found === null ? null : write(found));
  return found;
}

/** Answers that were given in earlier runs about the same dump, by what was asked. */
export interface KeptAnswers {
  /** Undefined: it was not asked. */
  get(question: string): Kept | undefined;
  set(question: string, answer: Kept): void;
  /** The answers of one part of what is asked, apart from those of other parts. */
  within(part: string): KeptAnswers;
  /**
   * Something has gone wrong, of which a run that does not ask the same would say nothing: from now on no kept answer is given, and
   * nothing is kept of this run.
   */
  drop(): void;
}
