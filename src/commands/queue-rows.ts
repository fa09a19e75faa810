// SPDX-License-Identifier: Apache-2.0
// The records of scan --queue … status.
import { columns, record } from '../report/columns.js';
import { recordKind } from '../report/records.js';
import { count, list, nullable, oneOf, text } from '../report/types.js';

export interface WorkerRow {
  readonly name: string;
  readonly address: string;
}

/** The state of a queue. */
export interface QueueRow {
  readonly server: string;
  readonly name: string;
  readonly waiting: number;
  readonly prioritized: number;
  readonly delayed: number;
  readonly active: number;
  readonly completed: number;
  readonly failed: number;
  readonly ok: number;
  readonly incomplete: number;
  readonly unreadable: number;
  readonly workers: readonly WorkerRow[] | null;
  readonly problems: readonly string[];
}

export const queues = recordKind<QueueRow>(
  'queue',
  'The state of a queue (`scan --queue … status --json`). A record of each job that failed, and of each dump that could not be read, follows.',
  columns<QueueRow>({
    server: [text, 'The server, without user and password.'],
    name: [text, 'Name of the queue.'],
    waiting: [count(), 'Jobs that wait for a worker.'],
    prioritized: [count(), 'Jobs with a priority that wait for a worker.'],
    delayed: [count(), 'Jobs that wait for their next attempt.'],
    active: [count(), 'Jobs that workers have taken.'],
    completed: [count(), 'Jobs that are done: there are results of the dump.'],
    failed: [count(), 'Jobs that failed, and have no results.'],
    ok: [count(), 'Dumps with status ok, of the jobs that are done.'],
    incomplete: [count(), 'Dumps with status incomplete.'],
    unreadable: [count(), 'Dumps with status failed.'],
    workers: [
      nullable(
        list(
          record(
            columns<WorkerRow>({
              name: [text, 'Its machine and pid.'],
              address: [text, 'Where it is connected from.'],
            }),
          ),
        ),
      ),
      'Workers that are connected; null if the server does not say.',
    ],
    problems: [list(text), 'What is wrong with the server.'],
  }),
);

/** A job or a dump that failed. */
export interface FailureRow {
  readonly dump: string | null;
  readonly job: string;
  readonly kind: 'job' | 'dump';
  readonly attempts: number;
  readonly reason: string;
}

export const failures = recordKind<FailureRow>(
  'failure',
  'A job that failed, or a dump that could not be read.',
  columns<FailureRow>({
    dump: [nullable(text), 'Path of the dump; null if the job does not say.'],
    job: [text, 'Id of the job.'],
    kind: [oneOf('job', 'dump'), 'job: it has no results; dump: its record has the status failed.'],
    attempts: [count(), 'How often it was tried.'],
    reason: [text, 'Why it failed.'],
  }),
);
