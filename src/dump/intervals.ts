// SPDX-License-Identifier: Apache-2.0
import { lowerBound } from '../core/search.js';

/** Stretches of whatever is counted, without overlaps and ascending; in columns, for there may be millions. */
export class Intervals {
  constructor(
    readonly starts: Float64Array,
    readonly ends: Float64Array,
    /** Which of the ranges each belongs to. */
    readonly owners: Int32Array,
  ) {}

  get length(): number {
    return this.starts.length;
  }

  /** Where the last one ends; 0 where there is none. */
  get end(): number {
    return this.ends.at(-1) ?? 0;
  }

  /** The first one that ends behind a place; `length` where none does. */
  endingBehind(place: number): number {
    return lowerBound(this.length, (i) => (this.ends[i] as number) > place);
  }
}

/**
 * What of each range (`starts[i]` to `ends[i]`) no earlier one covers. The borders of all of them cut the line into
 * intervals; each range takes those of its own that are still free, jumping over taken ones, so that a file of a
 * million segments costs no more than its sorting.
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

/** The intervals of one owner that touch become one; written over those they are made of. */
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
