// SPDX-License-Identifier: Apache-2.0
import type { PageFacts } from '../pages/facts.js';

/** Counts the changes of the facts about one page after another: neighbouring pages often differ in their frames only. */
export class PageVersion {
  #value = 0;
  #last: readonly unknown[] = [];

  /**
   * The number of these facts, which is that of the last ones if everything is equal that a record has, except what says which
   * page it is: its frame, and the address of its struct page.
   */
  of(facts: PageFacts, inDump: string): number {
    const values = valuesOf(facts, inDump);
    const last = this.#last;
    let i = 0;
    while (i < values.length && values[i] === last[i]) i++;
    if (i < values.length) {
      this.#last = values;
      this.#value++;
    }
    return this.#value;
  }
}

/**
 * What is compared. Lists and places in swap do not change, so they are compared by identity; the object of a mapping is used for
 * all pages.
 */
function valuesOf(facts: PageFacts, inDump: string): readonly unknown[] {
  const { flagsLow, flagsHigh, flagNames, kpage, kpageNames, kind, head, order, isTail, huge } = facts;
  const { refcount, mapcount, pins, sharers, node, zone, memcg, mapping, swap, problems } = facts;
  const flags = [flagsLow, flagsHigh, flagNames, kpage.low, kpage.high, kpageNames];
  const counts = [kpage.count, refcount, mapcount, pins, sharers];
  const use = [kind, head, order, isTail, huge, node, zone, memcg, swap, problems, inDump];
  return [...flags, ...counts, ...use, mapping?.kind, mapping?.inode, mapping?.path, mapping?.offset];
}
