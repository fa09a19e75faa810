// SPDX-License-Identifier: Apache-2.0
// Processes that analyse dumps, one at a time each. One that takes too long, needs too much memory or crashes costs its dump only.
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { DumpError } from '../core/errors.js';
import type { Job, Order, Plan, Report, Status } from './protocol.js';

/** What a dump may use. */
export interface Limits {
  /** Seconds; Infinity for no limit. */
  readonly seconds: number;
  /** Bytes of memory of the process; Infinity for no limit. */
  readonly memory: number;
}

/** A dump that is done, or the reason why its process was ended. */
export interface Outcome {
  readonly job: Job;
  readonly status: Status;
  /** Null if the process has written the results itself. */
  readonly failure: Failure | null;
}

/** Why the process of a dump ended before it had written the results. */
export interface Failure {
  readonly message: string;
  readonly seconds: number;
  /** Most bytes of memory that were seen; null if they are not known. */
  readonly memory: number | null;
  readonly pid: number;
  /** Whether the dump exceeded a limit, the process was killed by others, or it ended for another reason. */
  readonly kind: 'time' | 'memory' | 'kill' | 'crash';
}

/** Milliseconds between looks at the memory of a process. */
const INTERVAL = 100;
/** Milliseconds after which a process that was killed is given up. */
const PATIENCE = 5000;
/** How often a dump is tried whose process ends: after a crash, and after SIGKILL, which can be for lack of memory of the machine. */
const ATTEMPTS = { crash: 2, kill: 5 };
/** Characters of standard error that are kept. */
const MOST_ERRORS = 2000;

/** A process, which analyses a dump after the other. */
export class Worker {
  readonly #child: ChildProcess;
  readonly #limits: Limits;
  readonly #folder: string;
  #errors = '';
  #ended: string | null = null;

  constructor(child: ChildProcess, plan: Plan, limits: Limits) {
    this.#child = child;
    this.#limits = limits;
    this.#folder = plan.folder;
    send(child, { plan });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = `${this.#errors}${text}`.slice(-MOST_ERRORS);
    });
    child.once('exit', (code, signal) => {
      this.#ended ??= signal === null ? `exit status ${code}` : `signal ${signal}`;
    });
    // A process that can't be started; `run` reports it.
    child.once('error', (error) => {
      this.#ended ??= error.message;
    });
  }

  get hasEnded(): boolean {
    return this.#ended !== null;
  }

  run(job: Job): Promise<Outcome> {
    const child = this.#child;
    const began = performance.now();
    const seconds = (): number => (performance.now() - began) / 1000;
    let memory: number | null = null;
    let why: Excess | null = null;
    let killed = 0;
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearInterval(timer);
        child.off('message', onMessage).off('close', onClose);
      };
      const end = (outcome: Omit<Outcome, 'job'>): void => {
        stop();
        resolve({ job, ...outcome });
      };
      const onMessage = (report: Report): void => {
        if (report.id !== job.id) return;
        if ('status' in report) end({ status: report.status, failure: null });
        else {
          stop();
          reject(new DumpError(`${this.#folder}: ${report.problem}`, { code: 'system' }));
        }
      };
      const onClose = (): void => {
        const message =
          why?.message ?? `the process that read it ended (${this.#ended ?? 'unknown'})${this.#lastError()}`;
        end({
          status: 'failed',
          failure: { message, seconds: seconds(), memory, pid: child.pid ?? 0, kind: this.#kindOf(why) },
        });
      };
      const timer = setInterval(() => {
        memory = Math.max(memory ?? 0, memoryOf(child.pid) ?? 0);
        if (why !== null) {
          // A process that waits for a device ends when the device answers.
          if (performance.now() - killed < PATIENCE) return;
          this.#ended ??= 'not yet';
          onClose();
          return;
        }
        why = excess(this.#limits, seconds(), memory);
        if (why === null) return;
        child.kill('SIGKILL');
        killed = performance.now();
      }, INTERVAL);
      if (this.#ended !== null) {
        onClose();
        return;
      }
      child.on('message', onMessage).on('close', onClose);
      send(child, { job });
    });
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }

  #kindOf(why: Excess | null): Failure['kind'] {
    if (why !== null) return why.kind;
    return this.#ended === 'signal SIGKILL' ? 'kill' : 'crash';
  }

  /** The last line of standard error, if there is one. */
  #lastError(): string {
    const line = this.#errors.trim().split('\n').at(-1) ?? '';
    return line === '' ? '' : `: ${line}`;
  }
}

/** A process that has ended is found out by its events. */
function send(child: ChildProcess, order: Order): void {
  if (child.connected) child.send(order, () => undefined);
}

/** Whether a dump may be tried for the `attempt`th time, after a failure; null before the first attempt. */
export const mayTry = (attempt: number, failure: Failure | null): boolean =>
  failure === null || ((failure.kind === 'kill' || failure.kind === 'crash') && attempt <= ATTEMPTS[failure.kind]);

/** The limit that a dump has exceeded. */
interface Excess {
  readonly kind: 'time' | 'memory';
  readonly message: string;
}

function excess({ seconds: mostSeconds, memory: most }: Limits, seconds: number, memory: number): Excess | null {
  if (seconds > mostSeconds) return { kind: 'time', message: `not done after ${mostSeconds} seconds` };
  return memory > most
    ? { kind: 'memory', message: `more than ${Math.round(most / 1e6)} MB of memory are needed` }
    : null;
}

/** Resident bytes of a process; null if they are not known. */
function memoryOf(pid: number | undefined): number | null {
  try {
    const [, pages] = readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ');
    return Number(pages) * 4096;
  } catch {
    return null;
  }
}

/** How jobs are done. */
export interface Workers {
  /** Number of processes. */
  readonly count: number;
  readonly start: () => ChildProcess;
  readonly limits: Limits;
  /** Called when a job is done, in any order. What it throws ends the work. */
  readonly onDone: (outcome: Outcome) => void;
}

/**
 * Has the jobs done by processes, and yields the outcomes in the order of the jobs.
 */
export async function* inOrder(
  jobs: readonly Job[],
  plan: Plan,
  { count, start, limits, onDone }: Workers,
): AsyncGenerator<Outcome, undefined> {
  const outcomes: Promise<Outcome>[] = [];
  const resolvers: ((outcome: Outcome) => void)[] = [];
  while (outcomes.length < jobs.length) outcomes.push(new Promise((resolve) => resolvers.push(resolve)));
  const running = new Set<Worker>();
  let next = 0;
  let hasEnded = false;
  const isOver = (): boolean => hasEnded;
  /** A process that can be given a job. */
  const ready = (worker: Worker | null): Worker => {
    if (worker?.hasEnded === false) return worker;
    if (worker !== null) running.delete(worker);
    const another = new Worker(start(), plan, limits);
    running.add(another);
    return another;
  };
  const work = async (): Promise<void> => {
    let worker: Worker | null = null;
    while (!isOver() && next < jobs.length) {
      const index = next++;
      let outcome: Outcome | null = null;
      // A process that was ended because the work is over has not failed.
      for (let attempt = 1; !isOver() && mayTry(attempt, outcome?.failure ?? null); attempt++) {
        worker = ready(worker);
        outcome = await worker.run(jobs[index] as Job);
        if (outcome.failure === null) break;
      }
      if (isOver() || outcome === null) break;
      onDone(outcome);
      (resolvers[index] as (outcome: Outcome) => void)(outcome);
    }
    worker?.end();
  };
  try {
    const workers = Promise.all(Array.from({ length: Math.min(count, jobs.length) }, work));
    // If results can't be written, a worker rejects, and its outcome never comes.
    const failed = workers.then(() => new Promise<never>(() => undefined));
    // It may reject while nobody waits for an outcome; the next wait reports it.
    failed.catch(() => undefined);
    for (const outcome of outcomes) yield await Promise.race([outcome, failed]);
    await workers;
  } finally {
    hasEnded = true;
    for (const worker of running) worker.end();
  }
}
