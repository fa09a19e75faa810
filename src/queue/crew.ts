// SPDX-License-Identifier: Apache-2.0
import type { ChildProcess } from 'node:child_process';
import { type Limits, type Outcome, Worker } from '../scan/pool.js';
import type { Job, Plan } from '../scan/protocol.js';

interface Member {
  readonly worker: Worker;
  readonly questions: string;
}

/** Processes that analyse dumps, as many as are needed at a time. Each is asked the same of all its dumps. */
export class Crew {
  readonly #start: () => ChildProcess;
  readonly #limits: Limits;
  readonly #running = new Set<Worker>();
  #idle: Member[] = [];

  constructor(start: () => ChildProcess, limits: Limits) {
    this.#start = start;
    this.#limits = limits;
  }

  /** Has a dump analysed. `questions`: equal for equal plans. Rejects with `DumpError` if the results can't be written. */
  async run(job: Job, plan: Plan, questions: string): Promise<Outcome> {
    const member = this.#member(plan, questions);
    const { worker } = member;
    this.#running.add(worker);
    try {
      const outcome = await worker.run(job);
      this.#idle.push(member);
      return outcome;
    } catch (error) {
      worker.end();
      throw error;
    } finally {
      this.#running.delete(worker);
    }
  }

  /** Ends all processes. */
  end(): void {
    for (const worker of this.#running) worker.end();
    for (const { worker } of this.#idle) worker.end();
    this.#idle = [];
  }

  #member(plan: Plan, questions: string): Member {
    this.#idle = this.#idle.filter(({ worker }) => !worker.hasEnded);
    const found = this.#idle.findIndex((member) => member.questions === questions);
    const [member] = this.#idle.splice(Math.max(found, 0), 1);
    if (found >= 0 && member !== undefined) return member;
    // One that was asked something else makes room.
    member?.worker.end();
    return { worker: new Worker(this.#start(), plan, this.#limits), questions };
  }
}
