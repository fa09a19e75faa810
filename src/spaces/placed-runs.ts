// SPDX-License-Identifier: Apache-2.0
import type { Gfn, Pfn, Vpn } from '../core/address.js';
import type { Reason, State } from '../core/outcome.js';
import type { NodeMap } from '../kernel/node-map.js';
import type { Vma } from '../kernel/vma.js';
import type { Memslot } from '../kvm/memslots/slot.js';
import type { MmRun } from './mm-run.js';
import type { RunCursor, SwapPlace } from './space.js';

/** Where the NUMA node of a frame is looked up. */
export type Nodes = Pick<NodeMap, 'nodeOf' | 'end' | 'missed'>;

/** A run of pages of one area (a memslot, a mapping) and one NUMA node. One object is reused for all runs. */
export abstract class PlacedRun {
  /** Number of the first page in the space that was asked about. */
  at = 0;
  pages = 0;
  state: State = 'not-present';
  reason: Reason | null = null;
  /** Bytes that a leaf of the page table maps; null unless mapped. */
  pageSize: number | null = null;
  protNone = false;
  /** The machine's frame of the first page if it is mapped; otherwise the one that its entry names, if any. */
  frame: Pfn | null = null;
  /** NUMA node; null unless mapped, for memory of no node, and if it is not known. */
  node: number | null = null;
  #run: MmRun | null = null;

  /** The memslot that has the pages, and the guest frame of the first one; null for a process's memory. */
  abstract readonly slot: Memslot | null;
  abstract get first(): Gfn | null;
  /** The mapping that has the pages; null for memslots, and for pages in no mapping. */
  abstract readonly vma: Vma | null;
  /** Virtual page number of the first page. */
  abstract get page(): Vpn;

  /** Place of the first page in swap. A run that is not mapped is never cut. */
  get swap(): SwapPlace | null {
    return this.#run?.swap ?? null;
  }

  /** What stands in the way, in words; null if mapped. */
  get message(): string | null {
    return this.#run?.message ?? null;
  }

  /** @internal */
  take(run: MmRun): void {
    this.#run = run;
    this.state = run.state;
    this.reason = run.reason;
    this.pageSize = run.pageSize;
    this.protNone = run.protNone;
  }
}

/** The runs of several areas, cut where the NUMA node changes. `nodes`: null if they are not known. */
export abstract class PlacedRuns<P extends PlacedRun> {
  readonly #nodes: Nodes | null;
  #source: RunCursor<MmRun> | null = null;
  /** Pages of the source's run that were given. */
  #given = 0;

  constructor(
    readonly run: P,
    nodes: Nodes | null,
  ) {
    this.#nodes = nodes;
  }

  /** Pages of all runs. */
  abstract get pages(): number;

  /** Makes `run` one of the next area, and returns the runs of its pages; null after the last area. */
  protected abstract begin(): RunCursor<MmRun> | null;

  /** Whether the mapping of a page is that of a device. */
  protected abstract isDevice(page: Vpn): boolean;

  /** Makes `run` the next run; false after the last one. */
  advance(): boolean {
    let source = this.#source;
    while (source === null || (this.#given >= source.run.pages && !this.#more(source))) {
      source = this.begin();
      if (source === null) return false;
      this.#source = source;
      this.#given = Infinity;
    }
    this.#cut(source.run);
    return true;
  }

  #more(source: RunCursor<MmRun>): boolean {
    this.#given = 0;
    if (!source.advance()) return false;
    this.run.take(source.run);
    return true;
  }

  /** Makes `run` the next part of a run that has one node. */
  #cut({ page, pages, frame, state }: MmRun): void {
    const { run } = this;
    const given = this.#given;
    const nodes = this.#nodes;
    run.at = page + given;
    run.frame = frame === null ? null : ((frame + given) as Pfn);
    run.node = null;
    run.pages = pages - given;
    if (state === 'mapped' && nodes !== null) this.#cutAtNode(nodes, (frame as Pfn) + given);
    this.#given += run.pages;
  }

  #cutAtNode(nodes: Nodes, frame: number): void {
    const { run } = this;
    const end = frame + run.pages;
    const node = nodes.nodeOf(frame);
    let at = nodes.end;
    while (at < end && nodes.nodeOf(at) === node) at = nodes.end;
    if (node === null) nodes.missed(frame, () => this.isDevice(run.page));
    run.node = node;
    run.pages = Math.min(at, end) - frame;
  }
}
