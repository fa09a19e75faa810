// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { Log } from '../core/log.js';
import { oneLine } from '../core/one-line.js';
import { size as sizeText, table } from '../report/table.js';
import type { DumpResults } from '../scan/dump-results.js';
import type { Entry } from '../scan/entries.js';
import { identityOf } from '../scan/identity.js';
import { linesOf } from '../scan/lines.js';
import { checkOutput, finishOutput, type Output } from '../scan/output.js';
import { type Failure, inOrder, type Limits, type Outcome } from '../scan/pool.js';
import type { Job, Plan, Status } from '../scan/protocol.js';
import { Store, TemporaryFolder, writeLines } from '../scan/store.js';
import { type Lines, makeTables, requireDuckDb } from '../scan/tables.js';
import { namingError } from '../write/target.js';
import type { ExitCode, ManyGiven } from './command.js';
import { type DumpRow, dumpLine, NO_FACTS, nameOf } from './dump-rows.js';
import type { Report } from './scan-report.js';

/** What is asked, of which dumps. */
export interface Asked {
  readonly entries: readonly Entry[];
  readonly runs: readonly (readonly string[])[];
  /** What commands read as standard input. */
  readonly input: string;
  /** Options for opening each dump, as words. */
  readonly options: readonly string[];
  /** Number of processes. */
  readonly count: number;
  readonly limits: Limits;
  readonly output: string | null;
  readonly force: boolean;
  readonly summary: boolean;
  /** A page with all dumps. */
  readonly report: Report | null;
  /** The tables for the records. */
  readonly tables: Pick<Lines, 'tables' | 'tableOf'>;
}

type Pieces = Iterable<string | Uint8Array>;

/** The results of dumps that are done. */
export type Results = Pick<Store, 'record' | 'rows'>;

/** Has dumps analysed, and puts the results together. */
export class Scan {
  readonly #asked: Asked;
  readonly #context: ManyGiven;
  readonly #jobs: readonly Job[];
  readonly #counts: Record<Status, number> = { ok: 0, incomplete: 0, failed: 0 };

  /** `jobs`: the dumps, if they have been identified. */
  constructor(asked: Asked, context: ManyGiven, jobs: readonly Job[] = jobsOf(asked, context)) {
    this.#asked = asked;
    this.#context = context;
    this.#jobs = jobs;
  }

  /** The results in the order of the dumps, or their summary; nothing if they are written to a file. */
  async *results(): AsyncGenerator<Pieces, ExitCode> {
    const { output, force, summary, report } = this.#asked;
    if (output === null && report === null) {
      const temporary = new TemporaryFolder();
      const store = new Store(temporary.path, { isLasting: false });
      try {
        for await (const job of this.#analysed(store)) if (!summary) yield piecesOf(store, job);
        if (summary) yield [this.#summary(store)];
      } catch (error) {
        throw namingError(store.folder, error);
      } finally {
        temporary.remove();
      }
      return this.#code();
    }
    const inputs = this.#jobs.flatMap(({ files }) => files);
    const target = output === null ? null : checkOutput(output, force, inputs);
    if (target !== null && target.format !== 'jsonl') await requireDuckDb(target.format);
    // Without -o there is a page.
    const store = new Store(target === null ? (report as Report).parts : `${target.path}.parts`);
    try {
      store.open();
    } catch (error) {
      throw namingError(store.folder, error);
    }
    try {
      report?.open(store);
      // All are written at the end.
      const analysed = this.#analysed(store);
      while ((await analysed.next()).done !== true);
      const finish = target === null ? null : await this.#drafted(store, store, target);
      await report?.write(this.#resultsOf(store), this.#context.streams.log);
      finish?.();
      if (summary) yield [this.#summary(store)];
    } catch (error) {
      throw namingError(store.folder, error);
    } finally {
      store.close();
    }
    store.remove();
    return this.#code();
  }

  /** The same for results that are complete. */
  async *collected(from: Results): AsyncGenerator<Pieces, ExitCode> {
    const { output, force, summary, report } = this.#asked;
    for (const job of this.#jobs) this.#counts[statusOf(from, job)]++;
    const inputs = this.#jobs.flatMap(({ files }) => files);
    const target = output === null ? null : checkOutput(output, force, inputs);
    if (target !== null) await this.#collectedIn(target, from);
    else if (report !== null) await report.write(this.#resultsOf(from), this.#context.streams.log);
    else if (!summary) for (const job of this.#jobs) yield piecesOf(from, job);
    if (summary) yield [this.#summary(from)];
    return this.#code();
  }

  async #collectedIn(target: Output, from: Results): Promise<void> {
    if (target.format !== 'jsonl') await requireDuckDb(target.format);
    const drafts = new Store(`${target.path}.parts`);
    try {
      drafts.open();
      try {
        const finish = await this.#drafted(from, drafts, target);
        await this.#asked.report?.write(this.#resultsOf(from), this.#context.streams.log);
        finish();
      } finally {
        drafts.close();
      }
    } catch (error) {
      throw namingError(drafts.folder, error);
    }
    drafts.remove();
  }

  /** The dumps in their order, as soon as their results are in the store. */
  async *#analysed(store: Store): AsyncGenerator<Job> {
    const { count, limits, runs, options, input } = this.#asked;
    const { startWorker, streams } = this.#context;
    const left = this.#jobs.filter(({ id }) => !store.has(id));
    const progress = new Progress(streams.log, this.#jobs.length, this.#jobs.length - left.length);
    const known = this.#jobs.length - left.length;
    if (known > 0) streams.log.note(`${known} of ${this.#jobs.length} dumps were analysed before`);
    const { folder, isLasting, owner } = store;
    const pictures = this.#asked.report?.pictures ?? null;
    const plan: Plan = { runs, options, input, folder, isLasting, owner, pictures };
    const onDone = (outcome: Outcome): void => {
      recordFailure(store, outcome);
      progress.add(outcome.status === 'failed');
    };
    const outcomes = inOrder(left, plan, { count, start: startWorker, limits, onDone });
    const waiting = new Set(left);
    try {
      for (const job of this.#jobs) {
        if (waiting.has(job)) await outcomes.next();
        this.#counts[statusOf(store, job)]++;
        yield job;
      }
      await outcomes.next();
    } finally {
      await outcomes.return(undefined);
      progress.end();
    }
  }

  /** Writes all results; returns what gives them their name. What an attempt before this one has left is written anew. */
  async #drafted(results: Results, drafts: Store, output: Output): Promise<() => void> {
    const folder = drafts.scratch();
    const { format } = output;
    const made =
      format === 'jsonl'
        ? writeLines(folder, this.#pieces(results))
        : await makeTables(folder, format, { ...this.#asked.tables, pieces: this.#pieces(results) });
    return () => {
      finishOutput(made, output, folder);
    };
  }

  *#pieces(results: Results): Generator<string | Uint8Array> {
    for (const job of this.#jobs) yield* piecesOf(results, job);
  }

  *#resultsOf(results: Results): Generator<DumpResults> {
    for (const { id } of this.#jobs) yield { id, record: results.record(id), lines: linesOf(results.rows(id)) };
  }

  #summary(results: Results): string {
    const rows = table<DumpRow>([
      { heading: 'DUMP', text: ({ dump }) => oneLine(dump) },
      { heading: 'SIZE', align: 'right', text: ({ size }) => (size === null ? '' : sizeText(size)) },
      { heading: 'RELEASE', text: ({ release }) => oneLine(release ?? '') },
      { heading: 'HOST', text: ({ node }) => oneLine(node ?? '') },
      { heading: 'CRASHED', text: ({ crashTime }) => crashTime?.slice(0, 19) ?? '' },
      { heading: 'VMS', align: 'right', text: ({ vms }) => `${vms ?? ''}` },
      { heading: 'STATUS', text: ({ status }) => status },
      { heading: '', text: ({ error, problems }) => oneLine(error ?? problems[0] ?? '') },
    ]);
    const lines = this.#jobs.map(({ id }) => rows.row(JSON.parse(results.record(id)) as DumpRow));
    const { ok, incomplete, failed } = this.#counts;
    const total = `${this.#jobs.length} dumps: ${ok} ok, ${incomplete} incomplete, ${failed} failed\n`;
    return `${rows.begin?.() ?? ''}${lines.join('')}${rows.end?.() ?? ''}${total}`;
  }

  #code(): ExitCode {
    const { ok, incomplete, failed } = this.#counts;
    return ok + incomplete === 0 ? 2 : incomplete + failed === 0 ? 0 : 1;
  }
}

/** What the results of a dump depend on, besides its files: the version of the program and the questions. */
export const analysisOf = (
  version: string,
  { runs, options, input, report }: Pick<Asked, 'runs' | 'options' | 'input'> & Partial<Pick<Asked, 'report'>>,
): string =>
  JSON.stringify([
    version,
    runs,
    options,
    createHash('sha256').update(input).digest('hex'),
    ...(report?.pictures == null ? [] : [report.pictures]),
  ]);

/** Identifies the dumps. */
export function jobsOf(asked: Asked, { version }: Pick<ManyGiven, 'version'>): Job[] {
  const analysis = analysisOf(version, asked);
  return asked.entries.map((entry) => ({ ...entry, ...identityOf(entry, analysis) }));
}

export const statusOf = (results: Pick<Results, 'record'>, { id }: Pick<Job, 'id'>): Status =>
  (JSON.parse(results.record(id)) as DumpRow).status;

/** The record of a dump, and the rows of the commands. */
function* piecesOf(results: Results, { id }: Job): Generator<string | Uint8Array> {
  yield results.record(id);
  yield* results.rows(id);
}

/** The options that set limits. */
const LIMIT_OPTIONS: Readonly<Partial<Record<Failure['kind'], string>>> = {
  time: ' (--timeout)',
  memory: ' (--max-memory)',
};

/** Writes the record of a dump whose process has ended before it could. */
export function recordFailure(store: Store, { job, failure }: Outcome): void {
  if (failure === null) return;
  const { message, kind, seconds, memory, pid } = failure;
  store.drop(job.id, pid);
  const row: DumpRow = {
    ...nameOf(job),
    ...NO_FACTS,
    format: null,
    status: 'failed',
    error: `${message}${LIMIT_OPTIONS[kind] ?? ''}`,
    seconds,
    peakMemory: memory,
    problems: [],
  };
  store.finish(job.id, dumpLine(row), false);
}

/** Milliseconds between lines of progress. */
const INTERVAL = 1000;

/** Shows on a terminal how many dumps are done, and how long the others will take. */
class Progress {
  readonly #log: Log;
  readonly #all: number;
  readonly #before: number;
  readonly #began = performance.now();
  readonly #timer: NodeJS.Timeout;
  #done = 0;
  #failed = 0;

  constructor(log: Log, all: number, before: number) {
    this.#log = log;
    this.#all = all;
    this.#before = before;
    this.#timer = setInterval(() => {
      this.#show();
    }, INTERVAL);
  }

  add(isFailed: boolean): void {
    this.#done++;
    if (isFailed) this.#failed++;
  }

  end(): void {
    clearInterval(this.#timer);
  }

  #show(): void {
    const left = this.#all - this.#before - this.#done;
    const seconds = (performance.now() - this.#began) / 1000;
    const rest = this.#done === 0 ? '' : `, ${Math.ceil((seconds / this.#done) * left)} s to go`;
    this.#log.status(`${this.#before + this.#done} of ${this.#all} dumps, ${left} left, ${this.#failed} failed${rest}`);
  }
}
