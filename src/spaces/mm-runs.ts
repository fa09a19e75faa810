// SPDX-License-Identifier: Apache-2.0
import type { Pfn, Vpn } from '../core/address.js';
import type { Host } from '../kernel/host.js';
import type { Mm } from '../kernel/mm.js';
import { PageRuns } from '../paging/runs.js';
import { PageWalker, Walk } from '../paging/walker.js';
import { MutableMmRun } from './mm-run.js';
import { RunCursor } from './space.js';
import type { WalkMeaning } from './walk-meaning.js';

/**
 * The runs of ranges of a process's memory. Stretches of its page tables are divided into pieces with one meaning, and
 * pieces are joined if they continue each other.
 */
export class MmRuns<R extends MutableMmRun = MutableMmRun> extends RunCursor<R> {
  readonly #source: PageRuns;
  readonly #walker: PageWalker;
  readonly #meaning: WalkMeaning;
  readonly #root: Pfn;
  readonly #limit: number;
  /** The piece after the run, if it was read to find out whether it continues the run. */
  readonly #ahead: MutableMmRun;
  #isAhead = false;
  /** Whether the last piece can't be continued, because a stretch of the tables is as long as possible. */
  #isWhole = false;
  /** Number of pages of the source's stretch that pieces have been made of. */
  #done = 0;
  #to = 0;

  constructor(host: Host, mm: Mm, meaning: WalkMeaning, run: R) {
    super(run);
    this.#source = new PageRuns(host.frames, host.memory.form);
    this.#walker = new PageWalker(host.frames, host.memory.form);
    this.#meaning = meaning;
    this.#root = mm.root;
    this.#limit = meaning.limit;
    this.#ahead = new MutableMmRun(meaning.deviceOf);
  }

  /** Starts a range, the pages `from` to `to` - 1. */
  over(from: Vpn, to: Vpn): this {
    const user = Math.max(from, Math.min(to, this.#meaning.userPages)) as Vpn;
    this.#source.over(this.#root, from, user);
    this.#done = 0;
    this.#to = to;
    this.#isAhead = false;
    return this;
  }

  advance(): boolean {
    const { run } = this;
    if (this.#isAhead) {
      run.take(this.#ahead);
      this.#isAhead = false;
    } else if (!this.#piece(run)) return false;
    if (!this.#isWhole) this.#join();
    return true;
  }

  #join(): void {
    const { run } = this;
    const ahead = this.#ahead;
    while (this.#piece(ahead)) {
      this.#isAhead = !run.isContinuedBy(ahead);
      if (this.#isAhead) return;
      run.pages += ahead.pages;
    }
  }

  /** Sets `run` to the next piece: a stretch of the tables, or the part of it that has one meaning. */
  #piece(run: MutableMmRun): boolean {
    const source = this.#source;
    if (this.#done < source.pages) return this.#part(run);
    if (!source.nextStretch()) return this.#noncanonical(run);
    const { first, pages, status } = source;
    if (status === Walk.Mapped && source.frame + pages > this.#limit) {
      this.#done = 0;
      return this.#part(run);
    }
    if (status === Walk.Empty) {
      this.#done = 0;
      return this.#part(run);
    }
    this.#done = pages;
    run.vpn = first;
    run.page = first;
    run.pages = pages;
    this.#isWhole = status === Walk.Mapped;
    if (status === Walk.Mapped) run.mapped(source.frame, source.level, source.protNone);
    else this.#meaning.notMapped(run, source);
    return true;
  }

  /** Sets `run` to the next part of a stretch whose pages can have different answers. */
  #part(run: MutableMmRun): true {
    return this.#source.status === Walk.Empty ? this.#emptyPart(run) : this.#mappedPart(run);
  }

  /** Sets `run` to the next part of a stretch of empty entries. */
  #emptyPart(run: MutableMmRun): true {
    const { first, pages, level } = this.#source;
    const page = (first + this.#done) as Vpn;
    run.vpn = page;
    run.page = page;
    const end = this.#meaning.empty(run, this.#done === 0 ? level : this.#levelOf(page), (first + pages) as Vpn);
    run.pages = end - page;
    this.#done += run.pages;
    this.#isWhole = false;
    return true;
  }

  /** The level of the empty entry of a page: those of a stretch can be of different levels. */
  #levelOf(page: Vpn): number {
    this.#walker.walk(this.#root, page);
    return this.#walker.level;
  }

  /** Sets `run` to the next part of a stretch that maps some pages to frames beyond the machine's memory. */
  #mappedPart(run: MutableMmRun): true {
    const { first, pages, level, protNone, frame: start } = this.#source;
    const { memoryEnd, mappings } = this.#meaning;
    const frame = (start + this.#done) as Pfn;
    const page = (first + this.#done) as Vpn;
    const isInMemory = frame < memoryEnd;
    const end = (first + pages) as Vpn;
    run.vpn = page;
    run.page = page;
    run.pages = isInMemory ? Math.min(end - page, memoryEnd - frame) : mappings.endAt(page, end) - page;
    this.#done += run.pages;
    this.#isWhole = false;
    if (isInMemory || this.#meaning.isDevice(page)) run.mapped(frame, level, protNone);
    else this.#meaning.nowhere(run, frame, level);
    return true;
  }

  /** Sets `run` to the pages above those that a process can have; false if the range has none. */
  #noncanonical(run: MutableMmRun): boolean {
    const source = this.#source;
    const first = (source.first + source.pages) as Vpn;
    const pages = this.#to - first;
    if (pages <= 0) return false;
    run.vpn = first;
    run.page = first;
    run.pages = pages;
    this.#to = first;
    this.#isWhole = true;
    this.#meaning.noncanonical(run);
    return true;
  }
}
