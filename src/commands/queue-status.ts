// SPDX-License-Identifier: Apache-2.0
import { oneLine } from '../core/one-line.js';
import { examineServer } from '../queue/connection.js';
import { type Ended, Jobs } from '../queue/jobs.js';
import { jsonLines } from '../report/records.js';
import { table } from '../report/table.js';
import type { ExitCode } from './command.js';
import { evicts, type QueueAsked, VOLATILE } from './queue-asked.js';
import { type FailureRow, failures, type QueueRow, queues } from './queue-rows.js';

/** Says what is in the queue, who works, and what failed. */
export async function* status({ context, address }: QueueAsked): AsyncGenerator<Iterable<string>, ExitCode> {
  const { name, json } = context.options;
  const { eviction, isDurable } = await examineServer(address);
  const jobs = await Jobs.open(address, name);
  try {
    const counts = await jobs.counts();
    const failed: FailureRow[] = [];
    for await (const job of jobs.ended('failed')) failed.push(failureOf(job, 'job', job.reason));
    const dumps = { ok: 0, incomplete: 0, failed: 0 };
    for await (const job of jobs.ended('completed')) {
      if (job.done === null) continue;
      dumps[job.done.status]++;
      if (job.done.status === 'failed') failed.push(failureOf(job, 'dump', job.done.error ?? ''));
    }
    const row: QueueRow = {
      server: address.shown,
      name,
      ...counts,
      ok: dumps.ok,
      incomplete: dumps.incomplete,
      unreadable: dumps.failed,
      workers: await jobs.workers(),
      problems: [...(eviction === 'noeviction' ? [] : [evicts(eviction)]), ...(isDurable ? [] : [VOLATILE])],
    };
    failed.sort(byKindAndPath);
    yield json ? linesOf(row, failed) : textOf(row, failed);
  } finally {
    await jobs.close();
  }
  return 0;
}

const failureOf = ({ name, files, attempts }: Ended, kind: FailureRow['kind'], reason: string): FailureRow => ({
  dump: files[0] ?? null,
  job: name,
  kind,
  attempts,
  reason,
});

/** Jobs come before dumps, and both in the order of the paths: which worker ended first makes no difference to the output. */
function byKindAndPath(a: FailureRow, b: FailureRow): number {
  const keyOf = ({ kind, dump, job }: FailureRow): string => `${kind === 'job' ? 0 : 1}${dump ?? ''}\0${job}`;
  const [key, other] = [keyOf(a), keyOf(b)];
  return key < other ? -1 : key > other ? 1 : 0;
}

function linesOf(row: QueueRow, failed: readonly FailureRow[]): string[] {
  const lines = jsonLines([failures]);
  return [jsonLines([queues]).row(row), ...failed.map((each) => lines.row(each))].map(String);
}

function textOf(row: QueueRow, failed: readonly FailureRow[]): string[] {
  const states = ['waiting', 'prioritized', 'delayed', 'active', 'completed', 'failed'] as const;
  const counted = table<(typeof states)[number]>([
    { heading: 'STATE', text: (state) => state },
    { heading: 'JOBS', align: 'right', text: (state) => `${row[state]}` },
    {
      heading: '',
      text: (state) =>
        state === 'completed' ? `${row.ok} ok, ${row.incomplete} incomplete, ${row.unreadable} not readable` : '',
    },
  ]);
  const listed = table<FailureRow>([
    { heading: 'FAILED', text: ({ dump, job }) => oneLine(dump ?? job) },
    { heading: 'ATTEMPTS', align: 'right', text: ({ attempts }) => `${attempts}` },
    { heading: 'REASON', text: ({ reason }) => oneLine(reason) },
  ]);
  const { workers } = row;
  return [
    `${row.server}, queue ${row.name}\n`,
    ...row.problems.map((problem) => `${problem}\n`),
    '\n',
    ...states.map((state) => String(counted.row(state))),
    counted.end?.() ?? '',
    '\n',
    workers === null
      ? 'The server does not say which workers there are.\n'
      : `${workers.length} workers${workers.map(({ name, address }) => `\n  ${oneLine(name)} (${oneLine(address)})`).join('')}\n`,
    ...(failed.length === 0 ? [] : ['\n', ...failed.map((each) => String(listed.row(each))), listed.end?.() ?? '']),
  ];
}
