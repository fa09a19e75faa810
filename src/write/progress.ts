// SPDX-License-Identifier: Apache-2.0
// How far a file has been written, in a file beside it: a line of JSON for each state that is on the disk.
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { FrameRun } from './kdump-sink.js';
import type { Begun } from './memory-sinks.js';

/** A state: the next frame, the end of the data, and the runs that were added since the state before. */
interface State {
  readonly next: number;
  readonly position: number;
  /** Number of the first run that is in `runs`: those before have not changed since. */
  readonly from: number;
  readonly runs: readonly (readonly [first: number, pages: number])[];
}

export class Progress {
  readonly #descriptor: number;
  #state: { next: number; position: number; written: FrameRun[] } | null = null;
  #recorded = 0;

  /**
   * Opens the record at a path, or begins one. `key` says what is written: a record with another key is not used. Lines after
   * the first that is not whole are ignored.
   */
  constructor(path: string, key: string, isWhole: (position: number) => boolean) {
    const lines = textOf(path).split('\n');
    if (lines[0] === key) this.#read(lines.slice(1), isWhole);
    const isUsed = this.#state !== null;
    this.#descriptor = openSync(path, isUsed ? 'a' : 'w', 0o600);
    if (!isUsed) this.#write(`${key}\n`);
  }

  /** The next frame to be written; 0 at the start. */
  get next(): number {
    return this.#state?.next ?? 0;
  }

  /** What has been written; null at the start. */
  get begun(): Begun | null {
    return this.#state;
  }

  record(next: number, position: number, written: readonly FrameRun[]): void {
    // The last run can have grown since it was recorded.
    const from = Math.max(0, this.#recorded - 1);
    const runs = written.slice(from).map(({ first, pages }) => [first, pages] as const);
    this.#write(`${JSON.stringify({ next, position, from, runs } satisfies State)}\n`);
    this.#recorded = written.length;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #write(text: string): void {
    writeSync(this.#descriptor, text);
    fsyncSync(this.#descriptor);
  }

  #read(lines: readonly string[], isWhole: (position: number) => boolean): void {
    const written: FrameRun[] = [];
    for (const line of lines) {
      const state = stateOf(line);
      if (state === null || state.from > written.length || !isWhole(state.position)) break;
      const { next, position, from, runs } = state;
      written.splice(from, written.length, ...runs.map(([first, pages]) => ({ first, pages })));
      this.#state = { next, position, written: [...written] };
      this.#recorded = written.length;
    }
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

function stateOf(line: string): State | null {
  try {
    const { next, position, from, runs } = JSON.parse(line) as Partial<State>;
    const isState = [next, position, from].every(Number.isSafeInteger) && Array.isArray(runs);
    return isState ? ({ next, position, from, runs } as State) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
