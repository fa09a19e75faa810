// SPDX-License-Identifier: Apache-2.0
import { type Gfn, gfn, type Pfn, type Vpn } from '../core/address.js';
import type { Reason, State } from '../core/outcome.js';
import type { NodeMap } from '../kernel/node-map.js';
import type { Memslot } from '../kvm/memslots/slot.js';
import type { GuestRun } from './guest-run.js';
import type { GuestSpace } from './guest-space.js';
import { common, type PageRange } from './ranges.js';
import type { RunCursor, SwapPlace } from './space.js';

/** Where the NUMA node of a frame is looked up. */
export type Nodes = Pick<NodeMap, 'nodeOf' | 'end'>;

/** A run of pages of one memslot and one NUMA node. One object is reused for all runs. */
export class SlotRun {
  slot!: Memslot;
  first = 0 as Gfn;
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
  #run: GuestRun | null = null;

  /** Place of the first page in swap. A run that is not mapped is never cut. */
  get swap(): SwapPlace | null {
    return this.#run?.swap ?? null;
  }

  /** What stands in the way, in words; null if mapped. */
  get message(): string | null {
    return this.#run?.message ?? null;
  }

  /** Virtual page number of the first page. */
  get page(): Vpn {
    const { slot, first } = this;
    return (slot.page + (first - slot.first)) as Vpn;
  }

  /** @internal */
  take(run: GuestRun): void {
    this.#run = run;
    this.state = run.state;
    this.reason = run.reason;
    this.pageSize = run.pageSize;
    this.protNone = run.protNone;
  }
}

/**
 * The runs of ranges of a guest's memory that are in memslots, ascending: each the longest stretch of pages of one slot with
 * the same answer, consecutive frames and one NUMA node. `nodes`: null if they are not known.
 */
export class SlotRuns {
  readonly run = new SlotRun();
  readonly #space: GuestSpace;
  readonly #nodes: Nodes | null;
  /** The parts of slots that are in the ranges, ascending. */
  readonly #parts: readonly (PageRange & { readonly slot: Memslot })[];
  #next = 0;
  #source: RunCursor<GuestRun> | null = null;
  /** Pages of the source's run that were given. */
  #given = 0;

  constructor(space: GuestSpace, ranges: readonly PageRange[], nodes: Nodes | null) {
    this.#space = space;
    this.#nodes = nodes;
    this.#parts = partsOf(space.slots.slots, ranges);
  }

  /** Pages of all runs. */
  get pages(): number {
    return this.#parts.reduce((sum, { first, end }) => sum + end - first, 0);
  }

  /** Makes `run` the next run; false after the last one. */
  advance(): boolean {
    const source = this.#source;
    if (source === null || (this.#given >= source.run.pages && !this.#more(source))) {
      if (!this.#begin()) return false;
    }
    this.#cut((this.#source as RunCursor<GuestRun>).run);
    return true;
  }

  #more(source: RunCursor<GuestRun>): boolean {
    this.#given = 0;
    if (!source.advance()) return false;
    this.run.take(source.run);
    return true;
  }

  #begin(): boolean {
    const part = this.#parts[this.#next++];
    if (part === undefined) return false;
    this.run.slot = part.slot;
    this.#source = this.#space.runs(part.first, part.end);
    return this.#more(this.#source);
  }

  /** Makes `run` the next part of a run that has one node. */
  #cut({ page, pages, frame, state }: GuestRun): void {
    const { run } = this;
    const given = this.#given;
    const nodes = this.#nodes;
    run.first = gfn(page + given);
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
    run.node = node;
    run.pages = Math.min(at, end) - frame;
  }
}

function partsOf(slots: readonly Memslot[], ranges: readonly PageRange[]): (PageRange & { slot: Memslot })[] {
  const parts: (PageRange & { slot: Memslot })[] = [];
  let index = 0;
  for (const slot of slots) {
    const whole = { first: slot.first, end: slot.first + slot.pages };
    while ((ranges[index]?.end ?? Infinity) <= whole.first) index++;
    for (let i = index; i < ranges.length; i++) {
      const range = ranges[i] as PageRange;
      if (range.first >= whole.end) break;
      const part = common(whole, range);
      if (part !== null) parts.push({ ...part, slot });
    }
  }
  return parts;
}
