// SPDX-License-Identifier: Apache-2.0
// One worker's share of the mutants of a fixture.
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** @import { ChildProcess } from 'node:child_process' */
/** @import { Outcome } from './outcome.mjs' */
/** @import { Tally } from './tally.mjs' */

/**
 * The task of a worker: mutants `from` to `to` - 1 of a fixture. `one`: each is asked one command, not all. `only`: the
 * form and the structure to which mutants are restricted.
 *
 * @typedef {object} Task
 * @property {string} folder
 * @property {string} kind what it is asked, as after --ask
 * @property {string} scratch
 * @property {number} seed
 * @property {number} from
 * @property {number} to
 * @property {boolean} one
 * @property {{ form: string | undefined, hit: string | undefined }} only
 */
/**
 * The report of a worker about a mutant. `ms`: processor time. `rss`: bytes of the process; `grown`: since it knew the fixture.
 *
 * @typedef {{ mutant: number, form: string, hit: string, ms: number, rss: number, grown: number } & Outcome} Report
 */

const WORKER = new URL('worker.mjs', import.meta.url);
const MAX_HEAP_MB = 400;
/** Before its first mutant a worker asks the undamaged dump, and finds out who reads what. */
const START_MS = 180_000;

/** How many times the limit a worker may take by the clock, if it does not get a processor. */
const PATIENCE = 10;
/** Milliseconds of a tick in /proc/PID/stat (USER_HZ). */
const TICK_MS = 10;

/** Milliseconds of processor time that a process has used; infinite where the system does not say. @type {(pid: number | undefined) => number} */
function usedMs(pid) {
  try {
    const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ');
    const fields = rest.split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  } catch {
    return Infinity;
  }
}

/** The workers that run. @type {Set<ChildProcess>} */
const running = new Set();

/** Ends all workers at once. */
export function stopWorkers() {
  for (const worker of running) worker.kill('SIGKILL');
}

/**
 * Runs a task in workers: if a mutant hangs or ends its worker, it is counted, and another worker continues after it.
 */
export class Share {
  #fixture;
  #task;
  #limit;
  #tally;
  #next;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;

  /**
   * @param {string} fixture
   * @param {Task} task
   * @param {number} limit milliseconds of processor time after which a mutant hangs
   * @param {Tally} tally
   */
  constructor(fixture, task, limit, tally) {
    this.#fixture = fixture;
    this.#task = task;
    this.#limit = limit;
    this.#tally = tally;
    this.#next = task.from;
  }

  /** Resolves when all mutants are done. */
  async run() {
    while (this.#next < this.#task.to) if (await this.#worker()) return;
  }

  /**
   * Runs one worker until it ends. Resolves to whether it completed the task.
   *
   * @returns {Promise<boolean>}
   */
  #worker() {
    const task = JSON.stringify({ ...this.#task, from: this.#next });
    const worker = fork(WORKER, [task], { execArgv: [`--max-old-space-size=${MAX_HEAP_MB}`] });
    running.add(worker);
    this.#watch(worker, START_MS);
    worker.on('message', (message) => {
      const report = /** @type {Report} */ (message);
      this.#next = report.mutant + 1;
      this.#tally.take(this.#fixture, report);
      this.#watch(worker);
    });
    worker.on('error', (error) => {
      this.#lose(`worker ended: ${error.message}`);
    });
    return new Promise((resolve) => {
      // 'exit' can come before the last messages.
      worker.on('close', (code, signal) => {
        running.delete(worker);
        clearTimeout(this.#timer);
        // SIGKILL is sent by this class, which has counted the mutant that hangs.
        if (code !== 0 && signal !== 'SIGKILL') this.#lose(`the process ended with ${signal ?? code}`);
        resolve(code === 0);
      });
    });
  }

  /** Restarts the time limit, which is for one mutant. @type {(worker: ChildProcess, more?: number) => void} */
  #watch(worker, more = 0) {
    const [limit, began, before] = [this.#limit + more, performance.now(), usedMs(worker.pid)];
    const end = () => {
      if (usedMs(worker.pid) - before < limit && performance.now() - began < limit * PATIENCE) {
        this.#timer = setTimeout(end, limit);
        return;
      }
      this.#lose('HANGS');
      worker.kill('SIGKILL');
    };
    clearTimeout(this.#timer);
    this.#timer = setTimeout(end, limit);
  }

  /** Counts the current mutant as lost, and continues with the next. @type {(what: string) => void} */
  #lose(what) {
    this.#tally.lose(`${this.#fixture} mutant ${this.#next}: ${what}`);
    this.#next++;
  }
}
