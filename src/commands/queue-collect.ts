// SPDX-License-Identifier: Apache-2.0
import { DumpError, UsageError } from '../core/errors.js';
import { printable } from '../core/text.js';
import { folderAt } from '../queue/folders.js';
import { type JobState, Jobs } from '../queue/jobs.js';
import { submittedIn } from '../queue/submissions.js';
import { jobName } from '../queue/task.js';
import type { Job } from '../scan/protocol.js';
import { Store } from '../scan/store.js';
import type { ExitCode } from './command.js';
import { dumpLine, NO_FACTS, nameOf } from './dump-rows.js';
import { checkServer, type QueueAsked } from './queue-asked.js';
import { resultsOf } from './queue-options.js';
import { Report } from './scan-report.js';
import { type Results, Scan } from './scan-run.js';

/** Most dumps that are named in messages. */
const MOST_NAMES = 20;

/** Puts the results together, as scan does. Refuses, or warns, if some are missing. */
export async function* collect(asked: QueueAsked): AsyncGenerator<Iterable<string | Uint8Array>, ExitCode> {
  const { context, questioning } = asked;
  const { options, parse, version, log } = context;
  const folder = folderAt(resultsOf(options, 'collect'));
  const { questions, jobs } = submittedIn(folder);
  if (questions === null) throw new UsageError(`${folder}: nothing was submitted with this folder for results`);
  if (questions.version !== version)
    throw new UsageError(
      `${folder}: the results are of version ${questions.version} of kvm-vtop; collect them with it`,
    );
  const { runs, opening } = questions;
  const store = new Store(folder);
  const missing = jobs.filter(({ id }) => !store.has(id));
  const why = await reasonsFor(missing, asked);
  if (missing.length > 0) {
    for (const job of missing.slice(0, MOST_NAMES))
      log.warn(`${printable(job.files[0] ?? '', 400)}: ${why.get(job.id)}`);
    const text = `${missing.length} of ${jobs.length} dumps are not done`;
    if (!options.partial) throw new DumpError(`${text}; nothing was written`, { hint: '--partial writes the others' });
    log.warn(`${text}: their records say so`);
  }
  const scan = new Scan(
    {
      entries: jobs,
      runs,
      input: '',
      options: opening,
      count: 1,
      limits: { seconds: Infinity, memory: Infinity },
      output: options.output,
      force: options.force,
      summary: options.summary,
      report: reportOf(options, runs, jobs),
      tables: questioning.tables(runs.map(parse)),
    },
    context,
    jobs,
  );
  return yield* scan.collected(withMissing(store, missing, why));
}

/** The page, if one is wanted. Workers draw no pictures. */
const reportOf = (
  { html, force, output }: QueueAsked['context']['options'],
  runs: readonly (readonly string[])[],
  jobs: readonly Job[],
): Report | null =>
  html === null
    ? null
    : new Report({ path: html, force, output, hasPictures: false, runs, inputs: jobs.flatMap(({ files }) => files) });

/** For each dump that is not done, why, as far as the server knows. */
async function reasonsFor(
  missing: readonly Job[],
  { context, address }: QueueAsked,
): Promise<ReadonlyMap<string, string>> {
  if (missing.length === 0) return new Map();
  let states: readonly (JobState | null)[];
  try {
    await checkServer(address, context.log);
    const queue = await Jobs.open(address, context.options.name);
    states = await queue.states(missing.map(({ id }) => jobName(id))).finally(() => queue.close());
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    context.log.warn(error.message);
    return new Map(missing.map(({ id }) => [id, 'not done; the state of its job is not known']));
  }
  return new Map(missing.map(({ id }, i) => [id, reasonOf(states[i] ?? null)]));
}

function reasonOf(state: JobState | null): string {
  if (state === null) return 'not done, and not in the queue; submit it again';
  if (state.state === 'failed') return `its job failed: ${printable(state.reason, 400)}`;
  return state.state === 'completed'
    ? 'its job is done, but the results are not there; submit it again'
    : `not done; its job is ${state.state}`;
}

/** Results in which each dump that is missing has a record that says so. */
function withMissing(store: Store, missing: readonly Job[], why: ReadonlyMap<string, string>): Results {
  const lines = new Map(
    missing.map((job) => [
      job.id,
      dumpLine({
        ...nameOf(job),
        ...NO_FACTS,
        format: null,
        status: 'failed',
        error: `not analysed: ${why.get(job.id)}`,
        seconds: 0,
        peakMemory: null,
        problems: [],
      }),
    ]),
  );
  return {
    record: (id) => lines.get(id) ?? store.record(id),
    *rows(id) {
      if (!lines.has(id)) yield* store.rows(id);
    },
  };
}
