// SPDX-License-Identifier: Apache-2.0
import { type Pfn, pfn } from '../core/address.js';
import { orNull } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import { lowerBound } from '../core/search.js';
import type { Host } from './host.js';
import { mostNodes, type NodeSpan, nodeSpans } from './numa-nodes.js';
import { Pages } from './page.js';

/** Nodes of a stretch of frames: one node, or several whose spans overlap there. */
interface Stretch {
  readonly first: number;
  readonly end: number;
  readonly nodes: readonly number[];
}

/** Problems of a map. */
const OVERLAP = 'the spans of nodes overlap there';
const NO_SPAN = 'they are in the span of no node';

/**
 * The NUMA node of each frame. Where the spans of nodes overlap (a node whose memory lies on both sides of another's), the
 * node is read from the flags of struct page.
 */
export class NodeMap {
  readonly #stretches: readonly Stretch[];
  readonly #ends: Float64Array;
  readonly #flags: () => PageNodes;
  #made: PageNodes | null = null;
  #first = 0;
  #end = 0;
  #node: number | null = null;
  readonly #host: Host;
  readonly #problems = new Set<string>();
  #memoryEnd: number | null = null;

  /** Throws `DumpError` if the nodes can't be read. */
  constructor(host: Host) {
    const spans = nodeSpans(host);
    this.#host = host;
    this.#stretches = stretchesOf(spans);
    this.#ends = Float64Array.from(this.#stretches, ({ end }) => end);
    this.#flags = () => new PageNodes(host, this.#stretches);
  }

  /** The node of a frame; null for memory of no node (device memory), and if it is not known. */
  nodeOf(frame: number): number | null {
    if (frame < this.#first || frame >= this.#end) this.#find(frame);
    return this.#node;
  }

  /**
   * Called for a frame that is mapped, and of no node. `isDevice`: whether it is memory of a device; else the span of its
   * node is wrong or missing, and that becomes one of the problems.
   */
  missed(frame: number, isDevice: () => boolean): void {
    if (this.#problems.has(NO_SPAN)) return;
    this.#memoryEnd ??= memoryEndOf(this.#host);
    const isInSpan = this.#stretches.some(({ first, end }) => frame >= first && frame < end);
    if (!isInSpan && frame < this.#memoryEnd && !isDevice()) this.#problems.add(NO_SPAN);
  }

  /** Why the node of some frames that were looked up is not known. */
  get problems(): readonly string[] {
    return [...this.#problems];
  }

  /** The frame after those that follow the one of the last `nodeOf` and have the same node without a further look. */
  get end(): number {
    return this.#end;
  }

  #find(frame: number): void {
    const ends = this.#ends;
    const index = lowerBound(ends.length, (i) => (ends[i] as number) > frame);
    const stretch = this.#stretches[index];
    if (stretch === undefined || frame < stretch.first) {
      this.#set(index === 0 ? 0 : (ends[index - 1] as number), stretch?.first ?? Infinity, null);
      return;
    }
    if (stretch.nodes.length === 1) {
      this.#set(stretch.first, stretch.end, stretch.nodes[0] as number);
      return;
    }
    this.#made ??= this.#flags();
    const node = this.#made.nodeOf(pfn(frame));
    const isOne = node !== null && stretch.nodes.includes(node);
    if (!isOne) this.#problems.add(OVERLAP);
    this.#set(frame, frame + 1, isOne ? node : null);
  }

  #set(first: number, end: number, node: number | null): void {
    this.#first = first;
    this.#end = end;
    this.#node = node;
  }
}

/** First frame beyond the machine's memory; Infinity if it is not known. */
function memoryEndOf({ frames, symbols, memory }: Host): number {
  const most = orNull(() => {
    const variable = symbols.get('max_pfn');
    return variable === undefined ? null : readOf(memory, variable, 8, 'max_pfn').u64(0);
  });
  const ends = [frames.limit ?? 0, Number(most ?? 0n)];
  return Math.max(...ends) || Infinity;
}

/** Cuts overlapping spans into stretches that do not overlap, ascending. */
export function stretchesOf(spans: readonly NodeSpan[]): Stretch[] {
  const borders = [...new Set(spans.flatMap(({ first, end }) => [first, end]))].sort((a, b) => a - b);
  return borders.slice(1).flatMap((end, i) => {
    const first = borders[i] as number;
    const nodes = spans.filter((span) => span.first <= first && span.end >= end).map(({ node }) => node);
    return nodes.length === 0 ? [] : [{ first, end, nodes }];
  });
}

/** Stretches of one node that are looked at to check where struct page has the node. */
const CHECKED = 16;

/**
 * Nodes from the upper bits of page->flags (include/linux/page-flags-layout.h, with SPARSEMEM_VMEMMAP: the node is at the top). The
 * width is not in the kernel's types: it is computed from MAX_NUMNODES and checked with frames of which the node is known.
 */
class PageNodes {
  readonly #pages: Pages | null;
  readonly #shift: bigint;

  constructor(host: Host, stretches: readonly Stretch[]) {
    const most = mostNodes(host) ?? 0;
    this.#shift = 64n - BigInt(Math.ceil(Math.log2(Math.max(most, 2))));
    this.#pages = most < 2 ? null : orNull(() => new Pages(host));
    if (!this.#isRight(stretches)) this.#pages = null;
  }

  nodeOf(frame: Pfn): number | null {
    const page = orNull(() => this.#pages?.read(frame) ?? null);
    return page === null ? null : Number(page.flags >> this.#shift);
  }

  #isRight(stretches: readonly Stretch[]): boolean {
    let agree = 0;
    for (const { first, end, nodes } of stretches.filter((each) => each.nodes.length === 1).slice(0, CHECKED)) {
      const node = this.nodeOf(pfn(Math.floor((first + end) / 2)));
      if (node !== null && node !== nodes[0]) return false;
      if (node !== null) agree++;
    }
    return agree > 0;
  }
}
