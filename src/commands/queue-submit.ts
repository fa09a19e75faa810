// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import { UsageError } from '../core/errors.js';
import { madeFolder } from '../queue/folders.js';
import { Jobs } from '../queue/jobs.js';
import { recordSubmission, submittedIn } from '../queue/submissions.js';
import { jobName, type Task } from '../queue/task.js';
import type { Job } from '../scan/protocol.js';
import { Store } from '../scan/store.js';
import { namingError } from '../write/target.js';
import type { ExitCode } from './command.js';
import { checkQueueRun, checkServer, OF_DUMP, OF_OPENING, type QueueAsked, wholePaths } from './queue-asked.js';
import { resultsOf } from './queue-options.js';
import { type Asked, analysisOf, jobsOf } from './scan-run.js';

/** Puts dumps into the queue. A dump that is there is not added again; one that failed is tried again. */
export async function* submit(asked: QueueAsked): AsyncGenerator<Iterable<string>, ExitCode> {
  const { context, address } = asked;
  const { options, log, version } = context;
  const folder = resultsOf(options, 'submit');
  const questions = await questionsOf(asked);
  const { runs, options: opening } = questions;
  await checkServer(address, log);
  const results = madeFolder(folder);
  const analysis = analysisOf(version, questions);
  const before = submittedIn(results).questions;
  if (before !== null && before.analysis !== analysis)
    throw new UsageError(
      `${results} has results of other questions, or of another version (${before.version}); use another folder`,
    );
  const jobs = jobsOf(questions, context);
  try {
    recordSubmission(results, { version, analysis, runs, opening }, jobs, Date.now());
  } catch (error) {
    throw namingError(results, error);
  }
  const addresses = options.addresses === null ? null : resolve(options.addresses);
  const taskOf = ({ files, options: own }: Job): Task => ({
    version,
    results,
    files,
    options: own,
    runs,
    opening,
    addresses,
  });
  const queue = await Jobs.open(address, options.name);
  try {
    const { fresh, failed } = await sorted(queue, jobs, new Store(results));
    for (const { id, state } of failed) await queue.again(jobName(id), state);
    const { priority, attempts, backoff } = options;
    await queue.add(
      fresh.map((job) => ({ name: jobName(job.id), task: taskOf(job) })),
      { priority, attempts, backoff: backoff * 1000 },
    );
    const known = jobs.length - fresh.length - failed.length;
    yield [`${jobs.length} dumps: ${fresh.length} added, ${failed.length} to be tried again, ${known} known\n`];
  } finally {
    await queue.close();
  }
  return 0;
}

/** The questions, with whole paths: workers are elsewhere. */
async function questionsOf({ context, questioning, words }: QueueAsked): Promise<Asked> {
  if (context.options.addresses === '-') throw new UsageError('--addresses: workers need a file, not standard input');
  const asked = await questioning.asked(words);
  for (const run of asked.runs) checkQueueRun(run, context, questioning);
  return {
    ...asked,
    options: wholePaths(asked.options, OF_OPENING),
    entries: asked.entries.map(({ files, options }) => ({
      files: files.map((file) => resolve(file)),
      options: wholePaths(options, OF_DUMP),
    })),
  };
}

/** The dumps that are not in the queue, and those whose job has ended without results. */
async function sorted(
  queue: Jobs,
  jobs: readonly Job[],
  store: Store,
): Promise<{ fresh: Job[]; failed: { id: string; state: 'completed' | 'failed' }[] }> {
  const left = jobs.filter(({ id }) => !store.has(id));
  const states = await queue.states(left.map(({ id }) => jobName(id)));
  return {
    fresh: left.filter((_, i) => states[i] === null),
    failed: left.flatMap(({ id }, i) => {
      const state = states[i]?.state;
      return state === 'completed' || state === 'failed' ? [{ id, state }] : [];
    }),
  };
}
