// SPDX-License-Identifier: Apache-2.0
import type { Pfn, Vpn } from '../core/address.js';
import type { State } from '../core/outcome.js';
import type { Host } from '../kernel/host.js';
import type { Mm } from '../kernel/mm.js';
import { PageWalker, Walk } from '../paging/walker.js';
import type { MutableMmRun } from './mm-run.js';
import type { WalkMeaning } from './walk-meaning.js';

/** A page-table entry that a walk read: its level, its physical address, and its two 32-bit words. */
export interface WalkStep {
  readonly level: string;
  readonly address: number;
  readonly hi: number;
  readonly lo: number;
}

/** Single answers for a process's pages. Neighbouring pages cost one entry each. */
export class PageLookup {
  readonly #walker: PageWalker;
  readonly #meaning: WalkMeaning;
  readonly #root: Pfn;
  readonly #userPages: number;
  readonly #limit: number;
  /** What `stepsOf` returned last. */
  #steps: readonly WalkStep[] = [];

  constructor(host: Host, mm: Mm, meaning: WalkMeaning) {
    this.#walker = new PageWalker(host.frames, host.memory.form);
    this.#meaning = meaning;
    this.#root = mm.root;
    this.#userPages = meaning.userPages;
    this.#limit = meaning.limit;
  }

  /** Sets `run` to the answer for a page, except its `page` and `pages`. */
  find(page: Vpn, run: MutableMmRun): State {
    run.vpn = page;
    if (page >= this.#userPages) return this.#meaning.noncanonical(run);
    const walker = this.#walker;
    const status = walker.walk(this.#root, page);
    if (status !== Walk.Mapped) return this.#notMapped(status, run);
    if (walker.frame >= this.#limit && !this.#meaning.canMap(walker.frame, page))
      return this.#meaning.nowhere(run, walker.frame, walker.level);
    return run.mapped(walker.frame, walker.level, walker.protNone);
  }

  /** The entries that were read for the last answer, from the top table down. The same object as before while they are the same. */
  stepsOf({ vpn, level: lowest }: MutableMmRun): readonly WalkStep[] {
    const last = this.#steps;
    const { lo, hi, top } = this.#walker;
    const count = Math.max(0, top - lowest + 1);
    let same = 0;
    while (same < count && this.#isAt(last[same], top - same, vpn)) same++;
    if (same === count && last.length === count) return last;
    const steps = last.slice(0, same);
    for (let level = top - same; level >= lowest; level--)
      steps.push({
        level: this.#meaning.names[level] as string,
        address: this.#walker.entryAddress(level, vpn),
        hi: hi[level] as number,
        lo: lo[level] as number,
      });
    this.#steps = steps;
    return steps;
  }

  /** Whether a step is what the walk read at a level. */
  #isAt(step: WalkStep | undefined, level: number, vpn: Vpn): boolean {
    const { lo, hi } = this.#walker;
    return (
      step !== undefined &&
      step.lo === lo[level] &&
      step.hi === hi[level] &&
      step.address === this.#walker.entryAddress(level, vpn) &&
      step.level === this.#meaning.names[level]
    );
  }

  #notMapped(status: Walk, run: MutableMmRun): State {
    const { level, frame, lo, hi } = this.#walker;
    return this.#meaning.notMapped(run, { status, level, frame, lo: lo[level] as number, hi: hi[level] as number });
  }
}
