// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { DumpError, UsageError } from '../core/errors.js';
import { Unreachable } from '../queue/connection.js';
import { Crew } from '../queue/crew.js';
import { folderAt, madeFolder, readAddresses } from '../queue/folders.js';
import { isInside } from '../queue/inside.js';
import { type Done, Jobs } from '../queue/jobs.js';
import { Stop } from '../queue/stop.js';
import { idOf, pathsOf, Refusal, type Rules, type Task, taskOf } from '../queue/task.js';
import { GivenBack, startWorking, type Taken } from '../queue/worker.js';
import { identified } from '../scan/identity.js';
import { mayTry } from '../scan/pool.js';
import type { Job } from '../scan/protocol.js';
import { Store } from '../scan/store.js';
import { namingError } from '../write/target.js';
import type { ExitCode } from './command.js';
import type { DumpRow } from './dump-rows.js';
import { checkQueueRun, checkServer, OF_DUMP, OF_OPENING, type QueueAsked } from './queue-asked.js';
import { resultsOf } from './queue-options.js';
import { analysisOf, recordFailure } from './scan-run.js';

/** Milliseconds between looks at the server. */
const INTERVAL = 1000;
/** Milliseconds without an answer, after which an answer is news. */
const LONG = 3000;

/** Takes dumps from the queue and has them analysed, until a signal ends it. */
export async function* work(asked: QueueAsked): AsyncGenerator<Iterable<string>, ExitCode> {
  const { context, address } = asked;
  const { options, log } = context;
  const folder = resultsOf(options, 'work');
  if (options.root.length === 0) throw new UsageError('--root is missing: the folder with the dumps that may be read');
  const roots = options.root.map(folderAt);
  const stop = new Stop();
  try {
    if (!(await isThere(asked, stop))) return 0;
    const analyst = new Analyst(asked, { results: madeFolder(folder), roots, stop });
    const jobs = await Jobs.open(address, options.name);
    let problem = '';
    const { end } = await startWorking(address, options.name, {
      count: options.jobs ?? availableParallelism(),
      lock: options.lock * 1000,
      rate: options.rate === null ? null : { jobs: options.rate.jobs, milliseconds: options.rate.seconds * 1000 },
      perform: (job) => analyst.perform(job),
      onProblem(reason) {
        if (reason !== problem) log.warn(`${address.shown}: ${reason}`);
        problem = reason;
      },
    });
    log.note(`${address.shown}: waiting for dumps`);
    while (!stop.isOver) {
      await stop.pause(INTERVAL);
      const began = performance.now();
      const counts = await stop.before(jobs.counts());
      if (counts === null) break;
      if (performance.now() - began > LONG) {
        log.note(`${address.shown}: answers again`);
        problem = '';
      }
      const { waiting, active, delayed, prioritized } = counts;
      if (options.drain && waiting + active + delayed + prioritized === 0) stop.now();
    }
    analyst.end();
    await end();
    await jobs.close();
    if (analyst.failure !== null) throw analyst.failure;
  } finally {
    stop.close();
  }
  yield [];
  return 0;
}

/** Waits until the server can be reached, unless that is to fail; false if work is to end before. */
async function isThere({ context: { options, log }, address }: QueueAsked, stop: Stop): Promise<boolean> {
  let isWaiting = false;
  while (!stop.isOver) {
    try {
      await checkServer(address, log);
      return true;
    } catch (error) {
      if (options.noWait || !(error instanceof Unreachable)) throw error;
      if (!isWaiting) log.warn(`${error.message}; waiting for it`);
      isWaiting = true;
    }
    await stop.pause(INTERVAL);
  }
  return false;
}

interface Place {
  readonly results: string;
  /** Real paths of the folders that may be read. */
  readonly roots: readonly string[];
  readonly stop: Stop;
}

/** Checks jobs, and has their dumps analysed. */
class Analyst {
  /** Why results can't be written; null as long as they can. */
  failure: DumpError | null = null;
  readonly #asked: QueueAsked;
  readonly #place: Place;
  readonly #rules: Rules;
  readonly #store: Store;
  readonly #crew: Crew;

  constructor(asked: QueueAsked, place: Place) {
    const { context, questioning } = asked;
    const { timeout, maxMemory } = context.options;
    this.#asked = asked;
    this.#place = place;
    this.#rules = {
      version: context.version,
      results: place.results,
      options: OF_DUMP,
      opening: OF_OPENING,
      checkRun: (words) => {
        checkQueueRun(words, context, questioning);
      },
    };
    this.#store = new Store(place.results, { owner: `${randomUUID()}-` });
    this.#crew = new Crew(context.startWorker, {
      seconds: timeout ?? Infinity,
      memory: maxMemory === null ? Infinity : maxMemory * 1e6,
    });
  }

  end(): void {
    this.#crew.end();
  }

  async perform(taken: Taken): Promise<Done> {
    const { log } = this.#asked.context;
    try {
      const { id, task, job, input } = await this.#checked(taken);
      const known = await this.#store.recordIfDone(id);
      if (known === null) await this.#analyse(taken, job, task, input);
      const { dump, status, error, seconds } = JSON.parse(known ?? this.#store.record(id)) as DumpRow;
      log.note(`${dump}: ${status}${known === null ? `, ${seconds.toFixed(1)} s` : ' before'}`);
      return { status, error: error?.slice(0, 1000) ?? null };
    } catch (error) {
      if (!(error instanceof GivenBack)) log.warn(`${taken.name}: ${(error as Error).message}`);
      throw error;
    }
  }

  /** What a job asks, after all checks. Throws `Refusal`. */
  async #checked({ name, data }: Taken): Promise<{ id: string; task: Task; job: Job; input: string }> {
    const id = idOf(name);
    if (id === null) throw new Refusal('refused: its id is not that of a dump', true);
    const task = taskOf(data, this.#rules);
    for (const path of pathsOf(task, this.#rules))
      if (!(await isInside(path, this.#place.roots)))
        throw new Refusal(`refused: ${path} is not in a folder that the worker may read`, true);
    const input = task.addresses === null ? '' : await readAddresses(task.addresses);
    const identity = await identified(task, this.#analysis(task, input));
    if (identity.id !== id)
      throw new Refusal(
        'refused: a file has changed since the dump was submitted, or the id is not that of the dump',
        true,
      );
    return { id, task, job: { files: task.files, options: task.options, ...identity }, input };
  }

  #analysis({ runs, opening, version }: Task, input: string): string {
    return analysisOf(version, { runs, options: opening, input });
  }

  /** Has a dump analysed, so that its results are in the store. */
  async #analyse({ attempt, attempts }: Taken, job: Job, task: Task, input: string): Promise<void> {
    const { runs, opening: options } = task;
    const { folder, isLasting, owner } = this.#store;
    try {
      const plan = { runs, options, input, folder, isLasting, owner, pictures: null };
      const outcome = await this.#crew.run(job, plan, this.#analysis(task, input));
      const { failure } = outcome;
      if (failure === null) return;
      if (this.#place.stop.isOver) throw new GivenBack();
      const isAgain = failure.kind === 'kill' || failure.kind === 'crash';
      if (isAgain && attempt < attempts && mayTry(attempt + 1, failure)) {
        this.#store.drop(job.id, failure.pid);
        throw new Error(failure.message);
      }
      recordFailure(this.#store, outcome);
    } catch (error) {
      const cause = namingError(folder, error);
      if (!(cause instanceof DumpError)) throw error;
      // No dump is to blame if results can't be written.
      this.failure ??= cause;
      this.#place.stop.now();
      throw new GivenBack();
    }
  }
}
