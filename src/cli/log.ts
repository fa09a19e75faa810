// SPDX-License-Identifier: Apache-2.0
import type { Advice } from '../core/advice.js';
import type { Log } from '../core/log.js';
import { oneLine } from '../core/one-line.js';
import { milliseconds } from '../io/clock.js';
import { advised } from './remedies.js';
import { standardError } from './streams.js';

/** Milliseconds after which a running step is shown on a terminal, and between updates. */
const PATIENCE = 1000;
/** Only each call of `tick` with this interval reads the clock. */
const TICKS = 64;

/**
 * Writes to standard error: warnings and notes; with --verbose also findings and times; on a terminal also the running step.
 * With --quiet only warnings.
 */
export class StderrLog implements Log {
  readonly #verbose: boolean;
  readonly #quiet: boolean;
  /** Whether standard error is a terminal; null until that matters. */
  #isTerminal: boolean | null = null;
  #step = '';
  #since = 0;
  #shown = 0;
  #ticks = 0;
  #line = false;

  constructor({ verbose, quiet }: { readonly verbose: boolean; readonly quiet: boolean }) {
    this.#verbose = verbose;
    this.#quiet = quiet;
  }

  warn(text: string, { remedies = [] }: Advice = {}): void {
    this.#write(`kvm-vtop: ${oneLine(advised(text, remedies))}\n`);
  }

  note(text: string): void {
    if (!this.#quiet) this.#write(`${text.split('\n').map(oneLine).join('\n')}\n`);
  }

  found(text: string): void {
    if (this.#verbose) this.#write(`${oneLine(text)}\n`);
  }

  step<T>(name: string, work: () => T): T {
    const end = this.#begin(name);
    try {
      return work();
    } finally {
      end();
    }
  }

  async stepAsync<T>(name: string, work: () => Promise<T>): Promise<T> {
    const end = this.#begin(name);
    try {
      return await work();
    } finally {
      end();
    }
  }

  tick(part?: number): void {
    if (this.#step === '' || this.#isTerminal === false || this.#ticks++ % TICKS !== 0) return;
    const now = milliseconds();
    if (now - Math.max(this.#since, this.#shown) < PATIENCE || !this.#terminal()) return;
    this.#shown = now;
    this.#line = true;
    const done = part === undefined ? '' : ` ${Math.floor(part * 100)} %,`;
    standardError().write(`\r\x1b[K${this.#step} …${done} ${Math.round((now - this.#since) / 1000)} s`);
  }

  status(text: string): void {
    if (!this.#terminal()) return;
    this.#line = true;
    standardError().write(`\r\x1b[K${oneLine(text)}`);
  }

  /** Erases the line that shows the running step. */
  clear(): void {
    if (this.#line) standardError().write('\r\x1b[K');
    this.#line = false;
  }

  #terminal(): boolean {
    this.#isTerminal ??= !this.#quiet && standardError().isTTY;
    return this.#isTerminal;
  }

  #begin(name: string): () => void {
    const outer = [this.#step, this.#since] as const;
    const start = milliseconds();
    this.#step = name;
    this.#since = start;
    return () => {
      [this.#step, this.#since] = outer;
      this.clear();
      if (this.#verbose) this.#write(`${name}: ${(milliseconds() - start).toFixed(1)} ms\n`);
    };
  }

  #write(text: string): void {
    this.clear();
    standardError().write(text);
  }
}
