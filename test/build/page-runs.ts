// SPDX-License-Identifier: Apache-2.0
// Runs of pages, in a form that tests can store and compare.
import type { Pfn } from '../../src/core/address.js';
import type { FrameSource } from '../../src/core/memory.js';
import type { PageRuns } from '../../src/paging/runs.js';
import type { PhysicalMemory } from './memory.js';

/** A copy of the run in the object. */
export const copy = ({ first, pages, status, frame, level, protNone: none, lo, hi, entryAddress }: PageRuns) => ({
  first,
  pages,
  status,
  frame,
  level,
  protNone: none,
  entry: (BigInt(hi) << 32n) + BigInt(lo),
  entryAddress,
});
export type Run = ReturnType<typeof copy>;

/** The runs of a range, at most `limit`. */
export function runsOf(runs: PageRuns, method: 'next' | 'nextStretch', limit = Infinity): Run[] {
  const all: Run[] = [];
  while (all.length < limit && runs[method]()) all.push(copy(runs));
  return all;
}

/** Counts the requests. */
export class Counted implements FrameSource {
  calls = 0;
  constructor(readonly memory: PhysicalMemory) {}
  frame(frame: Pfn): DataView | null {
    this.calls++;
    return this.memory.frame(frame);
  }
  why = (frame: Pfn) => this.memory.why(frame);
}
