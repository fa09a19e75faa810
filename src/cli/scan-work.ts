// SPDX-License-Identifier: Apache-2.0
// A process that analyses dumps for scan, one after the other. It ends with the process that started it.
import { readFileSync, writeFileSync } from 'node:fs';
import type { Request } from '../commands/command.js';
import { dumpLine, nameOf } from '../commands/dump-rows.js';
import { commands } from '../commands/index.js';
import { type Log, silentLog } from '../core/log.js';
import { isOfSystem, reasonOf } from '../io/system-error.js';
import { Builds } from '../opening/builds.js';
import type { Job, Order, Plan, Report, Status } from '../scan/protocol.js';
import { Store } from '../scan/store.js';
import type { Compiled } from './compiled.js';
import { readCommandLine } from './parser.js';
import { Attempt, messageOf, Problems } from './scan-attempt.js';
import { Pictures, UnwritablePicture } from './scan-pictures.js';

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
  let given: Work | null = null;
  let last = Promise.resolve();
  let isKept = false;
  process.on('message', (order: Order) => {
    if ('plan' in order)
      given = { plan: order.plan, requests: new Requests(order.plan, version), builds, endWithParent };
    else
      last = last.then(async () => {
        const report = await reportOn(order.job, given as Work);
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
  readonly requests: Requests;
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
async function analyse(job: Job, { plan, requests, builds, endWithParent }: Work): Promise<Status> {
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
    for (const [i, words] of plan.runs.entries()) await attempt.run(requests.of(words, job), i + 1, plan.input);
    await pictures?.draw(
      (words) => attempt.writeFile(requests.of(words, job)),
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

/** Most command lines that are kept parsed. In a list, each dump can have options of its own. */
const MOST_PARSED = 64;

/** The requests of a plan. Command lines that differ only in the dump are parsed once. */
class Requests {
  readonly #plan: Plan;
  readonly #version: string;
  readonly #parsed = new Map<string, Request>();

  constructor(plan: Plan, version: string) {
    this.#plan = plan;
    this.#version = version;
  }

  /** The command line of a run on a dump. It was valid for other dumps, so it is for this one. */
  of(words: readonly string[], { files, options }: Pick<Job, 'files' | 'options'>): Request {
    const key = JSON.stringify([words, options]);
    let parsed = this.#parsed.get(key);
    if (parsed === undefined) {
      const core = files.flatMap((file) => ['-c', file]);
      parsed = readCommandLine([...words, ...core, ...this.#plan.options, ...options], commands, this.#version);
      if (this.#parsed.size >= MOST_PARSED) this.#parsed.clear();
      this.#parsed.set(key, parsed);
    }
    return { ...parsed, values: { ...parsed.values, core: files } };
  }
}

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
