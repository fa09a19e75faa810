// SPDX-License-Identifier: Apache-2.0
import type { PageFacts, PageMapping } from '../pages/facts.js';

/** Counts the changes of the facts about one page after another: neighbouring pages often differ in their frames only. */
export class PageVersion {
  #value = 0;
  #kind: PageFacts['kind'] = 'none';
  #flagsHigh = 0;
  #flagsLow = 0;
  #flagNames: readonly string[] = [];
  #kpageHigh = 0;
  #kpageLow = 0;
  #kpageCount: number | null = 0;
  #kpageNames: readonly string[] = [];
  #refcount = 0;
  #mapcount: number | null = 0;
  #pins: number | null = 0;
  #head: number | null = null;
  #order = 0;
  #isTail = false;
  #huge: PageFacts['huge'] = null;
  #node: number | null = null;
  #zone: string | null = null;
  #memcg: string | null = null;
  #sharers: number | null = null;
  #problems: readonly string[] = [];
  #inDump = '';
  readonly #mapping: PageMapping = { kind: 'anonymous', inode: null, path: null, offset: null };
  #hasMapping = false;
  #hadSwap = false;

  /** The number of these facts, which is that of the last ones if all but the frame and the address of the struct page are equal. */
  of(facts: PageFacts, inDump: string): number {
    // Few pages have a place in swap: it is not compared.
    const hasSwap = facts.swap !== null || this.#hadSwap;
    if (!hasSwap && this.#areFlags(facts) && this.#areCounts(facts) && this.#isUse(facts, inDump)) return this.#value;
    this.#setUse(facts, inDump);
    this.#setFlags(facts);
    this.#setCounts(facts);
    return ++this.#value;
  }

  #areFlags({ flagsHigh, flagsLow, flagNames, kpage, kpageNames }: PageFacts): boolean {
    return (
      flagsLow === this.#flagsLow &&
      flagsHigh === this.#flagsHigh &&
      flagNames === this.#flagNames &&
      kpage.low === this.#kpageLow &&
      kpage.high === this.#kpageHigh &&
      kpageNames === this.#kpageNames
    );
  }

  #setFlags({ flagsHigh, flagsLow, flagNames, kpage, kpageNames }: PageFacts): void {
    this.#flagsHigh = flagsHigh;
    this.#flagsLow = flagsLow;
    this.#flagNames = flagNames;
    this.#kpageHigh = kpage.high;
    this.#kpageLow = kpage.low;
    this.#kpageNames = kpageNames;
  }

  #areCounts({ refcount, mapcount, pins, head, order, isTail, huge, sharers, kpage }: PageFacts): boolean {
    return (
      kpage.count === this.#kpageCount &&
      refcount === this.#refcount &&
      mapcount === this.#mapcount &&
      pins === this.#pins &&
      head === this.#head &&
      order === this.#order &&
      isTail === this.#isTail &&
      huge === this.#huge &&
      sharers === this.#sharers
    );
  }

  #setCounts({ refcount, mapcount, pins, head, order, isTail, huge, sharers, kpage }: PageFacts): void {
    this.#kpageCount = kpage.count;
    this.#refcount = refcount;
    this.#mapcount = mapcount;
    this.#pins = pins;
    this.#head = head;
    this.#order = order;
    this.#isTail = isTail;
    this.#huge = huge;
    this.#sharers = sharers;
  }

  #isUse({ kind, node, zone, memcg, mapping, problems }: PageFacts, inDump: string): boolean {
    return (
      kind === this.#kind &&
      node === this.#node &&
      zone === this.#zone &&
      memcg === this.#memcg &&
      problems === this.#problems &&
      inDump === this.#inDump &&
      (mapping === null ? !this.#hasMapping : this.#hasMapping && this.#isMapping(mapping))
    );
  }

  #setUse({ kind, node, zone, memcg, mapping, problems, swap }: PageFacts, inDump: string): void {
    this.#kind = kind;
    this.#node = node;
    this.#zone = zone;
    this.#memcg = memcg;
    this.#problems = problems;
    this.#inDump = inDump;
    this.#hasMapping = mapping !== null;
    if (mapping !== null) Object.assign(this.#mapping, mapping);
    this.#hadSwap = swap !== null;
  }

  #isMapping({ kind, inode, path, offset }: PageMapping): boolean {
    const last = this.#mapping;
    return kind === last.kind && inode === last.inode && path === last.path && offset === last.offset;
  }
}
