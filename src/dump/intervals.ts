// SPDX-License-Identifier: Apache-2.0
import { lowerBound } from '../core/search.js';

/** Ascending intervals [start, end) that do not overlap. Stored in typed arrays, as there may be millions. */
export class Intervals {
  constructor(
    readonly starts: Float64Array,
    readonly ends: Float64Array,
    /** For each interval, the index of the range that it is a part of. */
    readonly owners: Int32Array,
  ) {}

  get length(): number {
    return this.starts.length;
  }

  /** End of the last interval; 0 if there is none. */
  get end(): number {
    return this.ends.at(-1) ?? 0;
  }

  /** Index of the first interval that ends after `place`; `length` if there is none. */
  endingAfter(place: number): number {
    return lowerBound(this.length, (i) => (this.ends[i] as number) > place);
  }
}

/**
 * The parts of each range (`starts[i]` to `ends[i]`) that no earlier range covers. The borders of all ranges divide the
 * line into intervals; each range takes those of its intervals that are still free, and skips taken ones in one step,
 * so that a million segments cost little more than sorting them.
 */
export function withoutOverlaps(starts: Float64Array, ends: Float64Array): Intervals {
  const borders = new Float64Array(starts.length * 2);
  borders.set(starts);
  borders.set(ends, starts.length);
  borders.sort();
  const indexOf = (border: number): number => lowerBound(borders.length, (i) => (borders[i] as number) >= border);
  const owners = new Int32Array(borders.length).fill(-1);
  const next = Uint32Array.from(borders.keys());
  starts.forEach((start, owner) => {
    const last = indexOf(ends[owner] as number);
    for (let i = free(next, indexOf(start)); i < last; i = free(next, i)) {
      owners[i] = owner;
      next[i] = i + 1;
    }
  });
  return joined(borders, owners);
}

/** The first free interval at or after `from`. Shortens the path for the next search (path halving). */
function free(next: Uint32Array, from: number): number {
  let at = from;
  while (next[at] !== at) {
    const after = next[at] as number;
    next[at] = next[after] as number;
    at = next[at] as number;
  }
  return at;
}

/** Joins adjacent intervals of the same owner, in place. */
function joined(borders: Float64Array, owners: Int32Array): Intervals {
  const ends = new Float64Array(borders.length);
  let count = 0;
  for (let i = 0; i + 1 < borders.length; ) {
    const owner = owners[i] as number;
    const start = borders[i++] as number;
    while (i + 1 < borders.length && owners[i] === owner) i++;
    const end = borders[i] as number;
    if (owner < 0 || start === end) continue;
    borders[count] = start;
    ends[count] = end;
    owners[count++] = owner;
  }
  return new Intervals(borders.slice(0, count), ends.slice(0, count), owners.slice(0, count));
}
