// SPDX-License-Identifier: Apache-2.0
import type { Vpn } from '../core/address.js';
import type { Vma } from '../kernel/vma.js';
import type { MmRun } from './mm-run.js';
import type { MmSpace } from './mm-space.js';
import { type Nodes, PlacedRun, PlacedRuns } from './placed-runs.js';
import type { PageRange } from './ranges.js';
import type { RunCursor } from './space.js';

/** A run of pages of one mapping of a process and one NUMA node. */
export class VmaRun extends PlacedRun {
  readonly slot = null;
  readonly first = null;
  vma: Vma | null = null;

  get page(): Vpn {
    return this.at as Vpn;
  }
}

/** Pages of a mapping that were asked about; `vma` is null for pages in no mapping. */
export interface VmaPart extends PageRange {
  readonly vma: Vma | null;
}

/** The runs of parts of a process's memory, in the order of the parts. `nodes`: null if they are not known. */
export class VmaRuns extends PlacedRuns<VmaRun> {
  readonly #space: MmSpace;
  readonly #parts: readonly VmaPart[];
  #next = 0;

  constructor(space: MmSpace, parts: readonly VmaPart[], nodes: Nodes | null) {
    super(new VmaRun(), nodes);
    this.#space = space;
    this.#parts = parts;
  }

  get pages(): number {
    return this.#parts.reduce((sum, { first, end }) => sum + end - first, 0);
  }

  /** Of the pages in no mapping, only those about which the page tables say something are listed. */
  override advance(): boolean {
    while (super.advance()) if (this.run.vma !== null || this.run.state !== 'not-present') return true;
    return false;
  }

  protected override isDevice(page: Vpn): boolean {
    return this.#space.isDevice(page);
  }

  protected begin(): RunCursor<MmRun> | null {
    const part = this.#parts[this.#next++];
    if (part === undefined) return null;
    this.run.vma = part.vma;
    return this.#space.runs(part.first, part.end);
  }
}
