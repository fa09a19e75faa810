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

/** What is counted of a run. */
type Counted = Pick<PlacedRun, 'pages' | 'state' | 'reason' | 'pageSize' | 'node' | 'protNone' | 'message'>;

/** Pages of runs that differ only in where they are. */
interface Kind {
  readonly state: State;
  readonly reason: Reason | null;
  readonly pageSize: number | null;
  readonly node: number | null;
  readonly protNone: boolean;
  /** That of the first run, if the dump does not show what became of the pages; else null. */
  readonly hidden: string | null;
  pages: number;
}

/** Sums over runs, in pages. */
export class Totals {
  pages = 0;
  runs = 0;
  readonly #kinds = new Map<string, Kind>();
  /** The kind of the last run: there are millions of runs, and most are of the kind of the one before. */
  #last: Kind | null = null;

  add(run: Counted): void {
    const { pages } = run;
    const last = this.#last;
    const kind = last !== null && isOf(run, last) ? last : this.#kindOf(run);
    this.#last = kind;
    kind.pages += pages;
    this.pages += pages;
    this.runs++;
  }

  get states(): Map<State, number> {
    return this.#sums(({ state }) => state);
  }

  get reasons(): Map<Reason, number> {
    return this.#sums(({ reason }) => reason);
  }

  /** Mapped pages by the bytes that their leaf maps. */
  get sizes(): Map<number, number> {
    return this.#sums(({ pageSize }) => pageSize);
  }

  /** Mapped pages by NUMA node. */
  get nodes(): Map<number, number> {
    return this.#sums(({ node }) => node);
  }

  get protNone(): number {
    return this.#sums(({ protNone }) => protNone).get(true) ?? 0;
  }

  /** How many bytes the dump hides, by reason, in words. */
  problems(): string[] {
    const first = new Map<string, string>();
    const key = ({ state, reason, hidden }: Kind): string | null => (hidden === null ? null : (reason ?? state));
    for (const kind of this.#kinds.values()) {
      const name = key(kind);
      if (name !== null && !first.has(name)) first.set(name, kind.hidden as string);
    }
    return [...this.#sums(key)].map(([name, pages]) => `${pages * 4096} bytes: ${first.get(name) as string}`);
  }

  #kindOf(run: Counted): Kind {
    const { state, reason, pageSize, node, protNone } = run;
    const key = [state, reason, pageSize, node, protNone].join(' ');
    let kind = this.#kinds.get(key);
    if (kind === undefined) {
      const hidden = isHidden(run) ? (run.message ?? reason ?? state) : null;
      kind = { state, reason, pageSize, node, protNone, hidden, pages: 0 };
      this.#kinds.set(key, kind);
    }
    return kind;
  }

  /** Sums by what `of` says of a kind; kinds of which it says null are not counted. In the order of the first runs. */
  #sums<K>(of: (kind: Kind) => K | null): Map<K, number> {
    const sums = new Map<K, number>();
    for (const kind of this.#kinds.values()) {
      const key = of(kind);
      if (key !== null) sums.set(key, (sums.get(key) ?? 0) + kind.pages);
    }
    return sums;
  }
}

const isOf = (run: Counted, { state, reason, pageSize, node, protNone }: Kind): boolean =>
  run.state === state &&
  run.reason === reason &&
  run.pageSize === pageSize &&
  run.node === node &&
  run.protNone === protNone;

/** Whether a gap or damage in the dump hides what became of the pages. */
const isHidden = ({ state, reason }: Counted): boolean =>
  HIDDEN.has(state) || (reason !== null && HIDDEN_REASONS.has(reason));
