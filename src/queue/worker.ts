// SPDX-License-Identifier: Apache-2.0
import { hostname } from 'node:os';
import type { RedisAddress } from './address.js';
import { inTime, optionsOf, packages, RETRY, reasonOf, type Worker } from './connection.js';
import type { Done } from './jobs.js';
import { Refusal } from './task.js';

/** A job that a worker has taken. */
export interface Taken {
  readonly name: string;
  readonly data: unknown;
  /** From 1 on. */
  readonly attempt: number;
  /** How many attempts it has. */
  readonly attempts: number;
}

/** How a worker works. */
export interface Working {
  /** Jobs at a time. */
  readonly count: number;
  /** Milliseconds after which a job is given to another worker, if this one has ended. */
  readonly lock: number;
  /** At most so many jobs in a time, by all workers together. */
  readonly rate: { readonly jobs: number; readonly milliseconds: number } | null;
  /** Does a job. Throws `Refusal`, `GivenBack`, or another error if it is to be tried again. */
  readonly perform: (job: Taken) => Promise<Done>;
  /** The connection has a problem. It is tried again. */
  readonly onProblem: (reason: string) => void;
}

/** A job that a worker does not do, and another can do at once. */
export class GivenBack extends Error {}

/** How often a worker may end while it does a job, before the job fails. */
const MOST_STALLS = 20;

/** Takes jobs of a queue, and does them. Returns how to end that. */
export async function startWorking(
  address: RedisAddress,
  queue: string,
  { count, lock, rate, perform, onProblem }: Working,
): Promise<{ end: () => Promise<void> }> {
  const { Worker: Made, UnrecoverableError, WaitingError } = (await packages()).bullmq;
  const worker: Worker<unknown, Done> = new Made<unknown, Done>(
    queue,
    async (job, token) => {
      try {
        const attempts = job.opts.attempts ?? 1;
        return await perform({ name: job.id ?? '', data: job.data, attempt: job.attemptsMade + 1, attempts });
      } catch (error) {
        if (error instanceof GivenBack) {
          await job.moveToWait(token);
          throw new WaitingError();
        }
        throw error instanceof Refusal && error.isFinal ? new UnrecoverableError(error.message) : error;
      }
    },
    {
      connection: optionsOf(address),
      name: `${hostname().replace(/[^\w.-]/g, '-')}:${process.pid}`,
      concurrency: count,
      lockDuration: lock,
      stalledInterval: lock,
      maxStalledCount: MOST_STALLS,
      runRetryDelay: RETRY,
      drainDelay: 5,
      ...(rate === null ? {} : { limiter: { max: rate.jobs, duration: rate.milliseconds } }),
    },
  );
  worker.on('error', (error) => {
    onProblem(reasonOf(error));
  });
  return {
    // Without an answer of the server, its jobs are given to others after a time.
    end: () =>
      inTime(
        () => worker.close(),
        () => worker.close(true),
      ),
  };
}
