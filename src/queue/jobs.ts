// SPDX-License-Identifier: Apache-2.0
import type { Status } from '../scan/protocol.js';
import type { RedisAddress } from './address.js';
import { inTime, optionsOf, packages, type Queue } from './connection.js';
import type { Task } from './task.js';

/** Jobs that are sent in one request. */
const BATCH = 500;

/** What a job is, as far as people must know. */
export interface JobState {
  readonly state: string;
  /** Why it failed; empty if it did not. */
  readonly reason: string;
}

/** What became of a job that was done. */
export interface Done {
  readonly status: Status;
  /** Why the dump failed; null if it did not. */
  readonly error: string | null;
}

/** A job that has ended: what it asked, and its end. */
export interface Ended {
  readonly name: string;
  readonly files: readonly string[];
  readonly attempts: number;
  /** Null if it failed. */
  readonly done: Done | null;
  readonly reason: string;
}

/** How jobs are added. */
export interface Adding {
  readonly priority: number;
  readonly attempts: number;
  /** Milliseconds before the second attempt; each later one waits twice as long. */
  readonly backoff: number;
}

const STATES = ['waiting', 'active', 'delayed', 'prioritized', 'completed', 'failed', 'waiting-children'] as const;
export type Counts = Readonly<Record<(typeof STATES)[number], number>>;

/** The jobs of a queue. */
export class Jobs {
  readonly #queue: Queue;

  private constructor(queue: Queue) {
    this.#queue = queue;
  }

  static async open(address: RedisAddress, name: string): Promise<Jobs> {
    const { Queue: Made } = (await packages()).bullmq;
    const queue = new Made(name, { connection: optionsOf(address) });
    // It connects again by itself.
    queue.on('error', () => undefined);
    return new Jobs(queue);
  }

  /** The states of jobs, in their order; null for a job that is not in the queue. */
  async states(names: readonly string[]): Promise<(JobState | null)[]> {
    const all: (JobState | null)[] = [];
    for (let i = 0; i < names.length; i += BATCH)
      all.push(...(await Promise.all(names.slice(i, i + BATCH).map((name) => this.#state(name)))));
    return all;
  }

  /** Adds jobs; one whose name is known is not added again. */
  async add(jobs: readonly { readonly name: string; readonly task: Task }[], adding: Adding): Promise<void> {
    const { priority, attempts, backoff } = adding;
    const opts = {
      ...(priority === 0 ? {} : { priority }),
      attempts,
      backoff: { type: 'exponential', delay: backoff },
      // The id of a job that was removed could be added again.
      removeOnComplete: false,
      removeOnFail: false,
      stackTraceLimit: 0,
    };
    for (let i = 0; i < jobs.length; i += BATCH)
      await this.#queue.addBulk(
        jobs
          .slice(i, i + BATCH)
          .map(({ name, task }) => ({ name: 'dump', data: task, opts: { ...opts, jobId: name } })),
      );
  }

  /** Has a job that has ended done again. One that is not in this state any more is left as it is. */
  async again(name: string, state: 'completed' | 'failed'): Promise<void> {
    const job = await this.#queue.getJob(name);
    await job?.retry(state, { resetAttemptsMade: true, resetAttemptsStarted: true }).catch(async (error: unknown) => {
      if ((await this.#queue.getJobState(name)) === state) throw error;
    });
  }

  async counts(): Promise<Counts> {
    return (await this.#queue.getJobCounts(...STATES)) as Counts;
  }

  /** Names and addresses of the workers; null if the server does not say. */
  async workers(): Promise<readonly { readonly name: string; readonly address: string }[] | null> {
    try {
      const found = await this.#queue.getWorkers();
      return found.map(({ rawname = '', addr = '' }) => ({ name: rawname.replace(/^.*:w:/, ''), address: addr }));
    } catch {
      return null;
    }
  }

  /** The jobs that are done, or that failed. */
  async *ended(state: 'completed' | 'failed'): AsyncGenerator<Ended> {
    for (let i = 0; ; i += BATCH) {
      const jobs = await this.#queue.getJobs(state, i, i + BATCH - 1, true);
      for (const { id = '', data, attemptsMade, returnvalue, failedReason } of jobs) {
        const { files } = (data ?? {}) as Partial<Task>;
        yield {
          name: id,
          files: Array.isArray(files) ? files.map(String) : [],
          attempts: attemptsMade,
          done: state === 'completed' ? doneOf(returnvalue) : null,
          reason: (failedReason as string | undefined)?.slice(0, 1000) ?? '',
        };
      }
      if (jobs.length < BATCH) return;
    }
  }

  close(): Promise<void> {
    return inTime(
      () => this.#queue.close(),
      () => this.#queue.disconnect(),
    );
  }

  async #state(name: string): Promise<JobState | null> {
    const state = await this.#queue.getJobState(name);
    if (state === 'unknown') return null;
    const reason = state === 'failed' ? ((await this.#queue.getJob(name))?.failedReason ?? '') : '';
    return { state, reason: reason.slice(0, 1000) };
  }
}

function doneOf(value: unknown): Done | null {
  const { status, error } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (status !== 'ok' && status !== 'incomplete' && status !== 'failed') return null;
  return { status, error: typeof error === 'string' ? error : null };
}
