// SPDX-License-Identifier: Apache-2.0
// A process that analyses dumps for scan, one after the other. It ends with the process that started it.
import { readFileSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { type ExitCode, type HostNeeds, hostNeedsOf, type Request, type Streams } from '../commands/command.js';
import { type DumpFacts, dumpFacts } from '../commands/dump-facts.js';
import { dumpLine, NO_FACTS, nameOf } from '../commands/dump-rows.js';
import { commands } from '../commands/index.js';
import { log } from '../commands/log.js';
import { owner } from '../commands/owner.js';
import { type Given, perform } from '../commands/perform.js';
import { DumpError, UsageError } from '../core/errors.js';
import { type Log, silentLog } from '../core/log.js';
import { isOfSystem, reasonOf } from '../io/system-error.js';
import type { OpenOptions } from '../open.js';
import { Builds } from '../opening/builds.js';
import { text as textType } from '../report/types.js';
import type { Job, Order, Plan, Report, Status } from '../scan/protocol.js';
import { Store } from '../scan/store.js';
import type { Compiled } from './compiled.js';
import { readCommandLine } from './parser.js';
import { questionOf } from './question.js';
import { open } from './run.js';
import { Pictures, UnwritablePicture } from './scan-pictures.js';

/** Most problems of a dump that are kept. */
const MOST_PROBLEMS = 100;

/** Steps of an analysis (pages that are read, rows) after which the process checks that the one that started it still runs. */
const STEPS = 64;

/**
 * Analyses the dumps that the process which started this one sends. Returns when that process ends. `compiled`: the program's compiled code;
 * null if that is not kept.
 */
export async function work(version: string, compiled: Compiled | null): Promise<void> {
  const parent = process.ppid;
  let steps = 0;
  const endWithParent = (): void => {
    // To ask the system takes as long as to look up some pages.
    if (++steps % STEPS === 0 && process.ppid !== parent) process.exit(0);
  };
  const builds = new Builds();
  let plan: Plan | null = null;
  let last = Promise.resolve();
  let isKept = false;
  process.on('message', (order: Order) => {
    if ('plan' in order) plan = order.plan;
    else
      last = last.then(async () => {
        const report = await reportOn(order.job, { plan: plan as Plan, version, builds, endWithParent });
        // After the last report this process is ended. An analysis that failed has not run much of the program.
        if (!isKept && 'status' in report && report.status !== 'failed') {
          isKept = true;
          compiled?.save();
        }
        process.send?.(report);
      });
  });
  await new Promise((resolve) => process.once('disconnect', resolve));
}

interface Work {
  readonly plan: Plan;
  readonly version: string;
  /** What the dumps so far have taught. */
  readonly builds: Builds;
  /** Ends this process if the one that started it has ended. */
  readonly endWithParent: () => void;
}

async function reportOn(job: Job, given: Work): Promise<Report> {
  try {
    return { id: job.id, status: await analyse(job, given) };
  } catch (error) {
    if (error instanceof UnwritablePicture) return { id: job.id, problem: error.message };
    // What can't be read of a dump is a DumpError.
    if (!isOfSystem(error)) throw error;
    return { id: job.id, problem: reasonOf(error) };
  }
}

/** Analyses a dump and writes the results. */
async function analyse(job: Job, { plan, version, builds, endWithParent }: Work): Promise<Status> {
  const began = performance.now();
  forgetPeak();
  const store = new Store(plan.folder, plan);
  const rows = store.begin(job.id);
  const problems = new Problems();
  const quiet: Log = {
    ...silentLog,
    warn: (text) => {
      problems.add(text);
    },
    tick: endWithParent,
  };
  const pictures = plan.pictures === null ? null : new Pictures(plan.pictures, job.id);
  const attempt = new Attempt(job, {
    builds,
    problems,
    log: quiet,
    write: (text) => {
      rows.add(text);
      pictures?.note(text);
    },
  });
  let error: string | null = null;
  try {
    for (const [i, words] of plan.runs.entries())
      await attempt.run(requestOf(words, job, { plan, version }), i + 1, plan.input);
    await pictures?.draw(
      (words) => attempt.writeFile(requestOf(words, job, { plan, version })),
      (text) => {
        attempt.lacks(text);
      },
    );
  } catch (cause) {
    error = messageOf(cause);
  } finally {
    attempt.close();
  }
  const hasRows = rows.finish();
  const status = error !== null ? 'failed' : attempt.isWhole ? 'ok' : 'incomplete';
  const [seconds, memory] = [(performance.now() - began) / 1000, peakMemory()];
  const known = { ...nameOf(job), format: attempt.format, ...attempt.facts };
  store.finish(
    job.id,
    dumpLine({ ...known, status, error, seconds, peakMemory: memory, problems: problems.list }),
    hasRows,
  );
  return status;
}

/** The command line of a run on a dump. It was valid for other dumps, so that it is for this one. */
function requestOf(
  words: readonly string[],
  { files, options }: Job,
  { plan, version }: Pick<Work, 'plan' | 'version'>,
): Request {
  const core = files.flatMap((file) => ['-c', file]);
  return readCommandLine([...words, ...core, ...plan.options, ...options], commands, version);
}

/** The message of an error of the dump, or of a question that does not fit it. Throws any other error. */
function messageOf(error: unknown): string {
  if (error instanceof DumpError || error instanceof UsageError) return error.message;
  throw error;
}

/** Different texts. */
class Problems {
  readonly #texts = new Set<string>();

  add(text: string): void {
    if (this.#texts.size < MOST_PROBLEMS) this.#texts.add(text);
  }

  get list(): readonly string[] {
    return [...this.#texts];
  }
}

type Opened = Given & { readonly close: () => void };

interface Surroundings {
  readonly builds: Builds;
  readonly problems: Problems;
  readonly log: Log;
  readonly write: (text: string) => void;
}

/** A dump that commands are run on. */
class Attempt {
  /** Whether all commands had complete answers. */
  isWhole = true;
  facts: DumpFacts = NO_FACTS;
  format: string | null = null;
  readonly #files: Job;
  readonly #learned: NonNullable<OpenOptions['learned']>;
  readonly #problems: Problems;
  readonly #log: Log;
  readonly #write: (text: string) => void;
  readonly #opened = new Map<HostNeeds, Opened>();

  constructor(job: Job, { builds, problems, log: warnings, write }: Surroundings) {
    this.#files = job;
    this.#learned = { builds, dump: job.id };
    this.#problems = problems;
    this.#log = warnings;
    this.#write = write;
  }

  /** Runs a command. `number`: that of the run. Throws `DumpError` if the dump can't be opened at all. */
  async run(request: Request, number: number, input: string): Promise<void> {
    const dump = textType.json(this.#files.files[0] ?? '');
    const { name } = request.command;
    const streams: Streams = {
      log: this.#log,
      write: (piece) => {
        this.#write(tagged(String(piece), name, `"dump":${dump},"run":${number},`));
        return Promise.resolve();
      },
      input: () => Readable.from([input]),
    };
    const opened = await this.#open(request, streams);
    if (opened === null) return;
    const before = this.#problems.list.length;
    try {
      const code = await perform(request, { ...opened, question: '' }, 'json', streams);
      if (code === 0) return;
      this.isWhole = false;
      if (this.#problems.list.length === before)
        this.#problems.add(`${name}: answers are missing or incomplete; its records say why`);
    } catch (error) {
      this.#failed(name, messageOf(error));
    }
  }

  /** Runs a command that writes a file, on a dump that another command has opened. Throws what the command throws. */
  async writeFile(request: Request): Promise<ExitCode> {
    const streams: Streams = { log: this.#log, write: () => Promise.resolve(), input: () => Readable.from([]) };
    const opened = await this.#open(request, streams);
    if (opened === null) return 2;
    const given = { ...opened, inputs: this.#files.files, question: questionOf(request) };
    return perform(request, given, 'json', streams);
  }

  /** Notes what is missing in the results. */
  lacks(problem: string): void {
    this.#problems.add(problem);
    this.isWhole = false;
  }

  close(): void {
    for (const { close } of this.#opened.values()) close();
  }

  /** Opens the dump for a command, unless it has been; null if the host does not have what the command is about. */
  async #open(request: Request, streams: Streams): Promise<Opened | null> {
    const needs = hostNeedsOf(request);
    const known = this.#opened.get(needs);
    if (known !== undefined) return known;
    try {
      const opened = await open(this.#files.files, request, streams, { learned: this.#learned });
      this.#opened.set(needs, opened);
      this.#note(opened);
      return opened;
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      await this.#openWithoutVms(request, error, streams);
      // A host without KVM does not have VMs to list. A VM that was asked for is not there.
      const isList = request.command.needs === 'vms' || request.command.needs === 'vcpus';
      if (error.code !== 'no-kvm' || !isList || request.values.process !== null)
        this.#failed(request.command.name, error.message);
      return null;
    }
  }

  /** Opens a dump of which the VMs can't be read, for what else is known of it. Throws `error` if there is nothing else. */
  async #openWithoutVms(request: Request, error: DumpError, streams: Streams): Promise<void> {
    if (this.#opened.size > 0) return;
    // What these need is less and less.
    for (const command of [owner, log]) {
      const lesser = { ...request, command, values: { ...request.values, process: null } };
      try {
        const opened = await open(this.#files.files, lesser, streams, { learned: this.#learned });
        this.#opened.set(hostNeedsOf(lesser), opened);
        this.#note(opened);
        return;
      } catch (another) {
        if (!(another instanceof DumpError)) throw another;
      }
    }
    throw error;
  }

  #note({ image, host }: Opened): void {
    if (image === undefined || host === undefined || this.facts !== NO_FACTS) return;
    this.format = image.reader.description;
    this.facts = dumpFacts(host, (text) => {
      this.lacks(text);
    });
  }

  #failed(name: string, message: string): void {
    this.lacks(`${name}: ${message}`);
  }
}

/** Lines of JSON with members after the first one, `record`. Those of the main command have none. */
const tagged = (lines: string, name: string, members: string): string =>
  lines.replace(/^\{("record":"[^"]*",)?/gm, (_, record?: string) => `{${record ?? `"record":"${name}",`}${members}`);

/** Forgets the most memory that this process has used (Documentation/filesystems/proc.rst, clear_refs). */
function forgetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Then it is that of all dumps so far.
  }
}

/** Most bytes of memory that this process has used; null if they are not known. */
function peakMemory(): number | null {
  try {
    const [, kib] = /^VmHWM:\s+([0-9]+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
    return kib === undefined ? null : Number(kib) * 1024;
  } catch {
    return null;
  }
}
