// SPDX-License-Identifier: Apache-2.0
// What is common to the address spaces of a running host, which change while they are read (kernel/live.ts).
import type { Host } from '../kernel/host.js';
import { settled } from '../kernel/live.js';
import { PRESENT } from '../paging/form.js';
import { type Explain, type MutableMmRun, NO_ENTRY } from './mm-run.js';
import type { WalkStep } from './page-lookup.js';
import { type Gap, type Run, RunCursor } from './space.js';

/** Pages that are read together: 128 MiB, the memory of 64 page tables. */
const PIECE = 0x8000;
/** Into how many parts a piece is divided of which two readings differ. */
const PARTS = 16;
/** The bits of an entry that the processor sets by itself (arch/x86/include/asm/pgtable_types.h): accessed, dirty. */
const BY_PROCESSOR = 0x60;

const MOVED_TEXT =
  'it moved while it was read: no two readings in a row of its memslot and page-table entries were the same';
const MOVED: Explain = () => MOVED_TEXT;

/** Why there are no bytes of a page that moved. */
export const MOVED_GAP: Gap = { reason: 'entry-moved', message: MOVED_TEXT };

/** Sets a run to the answer for pages that moved each time they were read. */
export function moved<R extends MutableMmRun>(run: R, page: number, pages = 1): R {
  run.end('moved', 'entry-moved', NO_ENTRY, MOVED);
  [run.page, run.pages] = [page, pages];
  return run;
}

/** A text that is equal for equal runs. */
export const keyOfRun = ({ page, pages, state, reason, frame, pageSize, protNone, swap }: Run): string =>
  [page, pages, state, reason, frame, pageSize, protNone, swap?.type, swap?.offset].join();

/** A text that is equal for equal entries, whatever the processor marked in them. */
export const keyOfSteps = (steps: readonly WalkStep[]): string =>
  steps.map(({ address, hi, lo }) => [address, hi, (lo & PRESENT) === 0 ? lo : lo & ~BY_PROCESSOR].join()).join(' ');

/** How the runs of a space are read. */
export interface RunReader<R extends MutableMmRun> {
  /** Copies of the runs of a range, read anew. */
  readonly read: (first: number, end: number) => readonly R[];
  /** A text that is equal for equal runs. */
  readonly key: (run: R) => string;
  /** A run of pages that moved. */
  readonly moved: (page: number, pages: number) => R;
}

/**
 * The runs of a range of a running host's memory. They are read piece by piece, each piece until two readings in a row
 * agree. A piece that never does is divided, so that only pages that do move are answered so.
 */
export class SettledRuns<R extends MutableMmRun> extends RunCursor<R> {
  readonly #host: Host;
  readonly #reader: RunReader<R>;
  #at: number;
  readonly #end: number;
  /** Runs that were read and not returned yet, and the index of the first of them. */
  #ready: readonly R[] = [];
  #next = 0;

  constructor(host: Host, reader: RunReader<R>, first: number, end: number) {
    super(reader.moved(first, 0));
    this.#host = host;
    this.#reader = reader;
    this.#at = first;
    this.#end = end;
  }

  advance(): boolean {
    const first = this.#take();
    if (first === null) return false;
    this.run.take(first);
    for (let next = this.#take(); next !== null; next = this.#take()) {
      if (!this.run.isContinuedBy(next)) {
        this.#next--;
        break;
      }
      this.run.pages += next.pages;
    }
    return true;
  }

  #take(): R | null {
    if (this.#next === this.#ready.length) {
      if (this.#at >= this.#end) return null;
      const end = Math.min(this.#at + PIECE, this.#end);
      this.#ready = this.#piece(this.#at, end);
      this.#next = 0;
      this.#at = end;
    }
    return this.#ready[this.#next++] ?? null;
  }

  #piece(first: number, end: number): readonly R[] {
    const { read, key, moved: movedRun } = this.#reader;
    const found = settled(this.#host, () => {
      const runs = read(first, end);
      return { key: runs.map(key).join(' '), value: runs };
    });
    if (found !== null) return found;
    if (end - first === 1) return [movedRun(first, 1)];
    const size = Math.ceil((end - first) / PARTS);
    const parts: R[] = [];
    for (let at = first; at < end; at += size) parts.push(...this.#piece(at, Math.min(at + size, end)));
    return parts;
  }
}
