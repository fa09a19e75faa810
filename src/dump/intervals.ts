// SPDX-License-Identifier: Apache-2.0
import { lowerBound } from '../core/search.js';

/** `start` to `end`, of whatever is counted. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** What one of several ranges has for itself: `owner` is its place among them. */
export interface Owned extends Range {
  readonly owner: number;
}

/**
 * What of each range no earlier one covers, ascending. The borders of all of them cut the line into intervals; each
 * range takes those of its own that are still free, jumping over taken ones, so that a file of a million segments
 * costs no more than its sorting.
 */
export function withoutOverlaps(ranges: readonly Range[]): Owned[] {
  const borders = new Float64Array(ranges.length * 2);
  ranges.forEach(({ start, end }, i) => {
    borders[2 * i] = start;
    borders[2 * i + 1] = end;
  });
  borders.sort();
  const indexOf = (border: number): number => lowerBound(borders.length, (i) => (borders[i] as number) >= border);
  const owners = new Int32Array(borders.length).fill(-1);
  const next = Uint32Array.from(borders.keys());
  ranges.forEach(({ start, end }, owner) => {
    const last = indexOf(end);
    for (let i = free(next, indexOf(start)); i < last; i = free(next, i)) {
      owners[i] = owner;
      next[i] = i + 1;
    }
  });
  return joined(borders, owners);
}

/** The first free interval from this one on; the way there is made shorter for who asks again. */
function free(next: Uint32Array, from: number): number {
  let at = from;
  while (next[at] !== at) {
    const after = next[at] as number;
    next[at] = next[after] as number;
    at = next[at] as number;
  }
  return at;
}

/** The intervals of one owner that touch become one. */
function joined(borders: Float64Array, owners: Int32Array): Owned[] {
  const intervals: Owned[] = [];
  for (let i = 0; i + 1 < borders.length; ) {
    const owner = owners[i] as number;
    const first = i++;
    while (i + 1 < borders.length && owners[i] === owner) i++;
    const [start, end] = [borders[first] as number, borders[i] as number];
    if (owner >= 0 && start !== end) intervals.push({ start, end, owner });
  }
  return intervals;
}
