// SPDX-License-Identifier: Apache-2.0
// What can become of a mutant.
import { DumpError, UsageError } from '#internal';

/**
 * The outcome of a mutant. `where`: the changed byte that excuses a wrong answer; `detail`: what is wrong.
 *
 * @typedef {{ outcome: 'refused' | 'right' | 'right or not answered' }
 *   | { outcome: 'internal error', detail: string }
 *   | { outcome: 'WRONG', detail: string }
 *   | { outcome: 'wrong, and a changed byte was read', where: string, detail: string }} Outcome
 */

/**
 * The outcome of a mutant that was not answered because of an exception.
 *
 * @type {(error: unknown) => Outcome}
 */
export function outcomeOf(error) {
  if (error instanceof DumpError || error instanceof UsageError) return { outcome: 'refused' };
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { outcome: 'internal error', detail };
}
