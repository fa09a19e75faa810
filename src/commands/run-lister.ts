// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { Host } from '../kernel/host.js';
import { NodeMap } from '../kernel/node-map.js';
import type { PlacedRun, PlacedRuns } from '../spaces/placed-runs.js';
import type { Totals } from '../spaces/totals.js';
import { type MemoryOf, RunRow, TotalRow } from './map-rows.js';

/** Makes the rows of runs, and their totals. */
export class RunLister {
  /** Null if the NUMA nodes are not known. */
  readonly nodes: NodeMap | null;
  #noNodes = '';

  constructor(
    readonly of: MemoryOf,
    host: Host,
    readonly log: Log,
  ) {
    this.nodes = this.#nodesOf(host);
  }

  /** The runs; they are added to `sums` on the way. */
  *rows<P extends PlacedRun>(runs: PlacedRuns<P>, sums: Totals): Generator<RunRow<P>> {
    const row = new RunRow(this.of, runs.run);
    const { pages } = runs;
    while (runs.advance()) {
      sums.add(runs.run);
      this.log.tick(sums.pages / pages);
      yield row;
    }
  }

  /** Adds all runs to `sums`. */
  count(runs: PlacedRuns<PlacedRun>, sums: Totals): void {
    const { pages, run } = runs;
    while (runs.advance()) {
      sums.add(run);
      this.log.tick(sums.pages / pages);
    }
  }

  /** The totals. `problems`: why some memory may not be in the runs; `gaps`: bytes in no mapping of a process. */
  total(sums: Totals, problems: readonly string[], gaps: number | null = null): TotalRow {
    const all = [...problems, ...sums.problems()];
    const complete = all.length === 0;
    if (this.nodes === null && sums.sizes.size > 0) all.push(this.#noNodes);
    for (const problem of this.nodes?.problems ?? []) all.push(`the NUMA node of some pages is not known: ${problem}`);
    return new TotalRow(this.of, sums, complete, all, gaps);
  }

  #nodesOf(host: Host): NodeMap | null {
    try {
      return new NodeMap(host);
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      this.#noNodes = `NUMA nodes are not known: ${error.message}`;
      return null;
    }
  }
}
