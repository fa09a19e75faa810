// SPDX-License-Identifier: Apache-2.0
import type { Reason, State } from '../core/outcome.js';
import type { PlacedRun } from './placed-runs.js';

/** States of which the dump, or the running host, does not show what became of the pages. */
const HIDDEN: ReadonlySet<State> = new Set<State>([
  'slots-missing',
  'table-missing',
  'damaged',
  'moved',
  'noncanonical',
]);

const HIDDEN_REASONS: ReadonlySet<Reason> = new Set<Reason>(['gmem-attribute-unreadable', 'page-cache-unreadable']);

/** Sums over runs, in pages. */
export class Totals {
  pages = 0;
  runs = 0;
  protNone = 0;
  readonly states = new Map<State, number>();
  readonly reasons = new Map<Reason, number>();
  /** Mapped pages by the bytes that their leaf maps. */
  readonly sizes = new Map<number, number>();
  /** Mapped pages by NUMA node. */
  readonly nodes = new Map<number, number>();
  /** By reason: pages of which the dump does not show what became of them, and the message of the first. */
  readonly hidden = new Map<string, { pages: number; message: string }>();

  add(run: PlacedRun): void {
    const { pages, state, reason, pageSize, node } = run;
    this.pages += pages;
    this.runs++;
    increase(this.states, state, pages);
    if (reason !== null) increase(this.reasons, reason, pages);
    if (pageSize !== null) increase(this.sizes, pageSize, pages);
    if (node !== null) increase(this.nodes, node, pages);
    if (run.protNone) this.protNone += pages;
    if (isHidden(run)) this.#hide(run);
  }

  /** What is hidden, in words. */
  problems(): string[] {
    return [...this.hidden.values()].map(({ pages, message }) => `${pages * 4096} bytes: ${message}`);
  }

  #hide({ state, reason, message, pages }: PlacedRun): void {
    const key = reason ?? state;
    const known = this.hidden.get(key);
    if (known === undefined) this.hidden.set(key, { pages, message: message ?? key });
    else known.pages += pages;
  }
}

/** Whether a gap or damage in the dump hides what became of the pages. */
const isHidden = ({ state, reason }: PlacedRun): boolean =>
  HIDDEN.has(state) || (reason !== null && HIDDEN_REASONS.has(reason));

function increase<K>(sums: Map<K, number>, key: K, by: number): void {
  sums.set(key, (sums.get(key) ?? 0) + by);
}
