// SPDX-License-Identifier: Apache-2.0
// scan --queue: many machines take dumps from a queue.
import { UsageError } from '../core/errors.js';
import type { ExitCode } from './command.js';
import type { Questioning, QueueContext } from './queue-asked.js';
import { collect } from './queue-collect.js';
import { actionOf, addressOf } from './queue-options.js';
import { status } from './queue-status.js';
import { submit } from './queue-submit.js';
import { work } from './queue-work.js';

const PERFORM = { submit, work, collect, status };

/** Does what the words after --queue say. Yields text. */
export async function* scanQueue(
  url: string,
  context: QueueContext,
  questioning: Questioning,
): AsyncGenerator<Iterable<string | Uint8Array>, ExitCode> {
  const { action, words } = actionOf(context.words, { ...context.options }, questioning.specs);
  if (action !== 'submit' && context.files.length > 0)
    throw new UsageError(`${context.files[0]} has no effect with '${action}'`);
  return yield* PERFORM[action]({ context, questioning, address: addressOf(url), words });
}
