// SPDX-License-Identifier: Apache-2.0
import { PHYSICAL_LIMIT } from '../core/address.js';
import { lowerBound } from '../core/search.js';

/** Physical bytes `start` to `end`; `file` is where the first of them lies in the file, undefined if it has none. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly file: number | undefined;
}

interface Segment {
  readonly offset: number;
  readonly paddr: number;
  readonly filesz: number;
  readonly memsz: number;
}

/** Segments of a dump by physical address, without overlaps: where two cover the same byte, the first in the file has it. */
export class PieceMap {
  readonly #pieces: readonly Piece[];

  constructor(segments: readonly Segment[]) {
    const ranges: Piece[] = [];
    for (const { paddr, offset, filesz, memsz } of segments) {
      if (paddr + Math.max(memsz, filesz) > PHYSICAL_LIMIT) continue;
      if (filesz > 0) ranges.push({ start: paddr, end: paddr + filesz, file: offset });
      if (memsz > filesz) ranges.push({ start: paddr + filesz, end: paddr + memsz, file: undefined });
    }
    this.#pieces = withoutOverlaps(ranges);
  }

  /** The piece that holds this byte. */
  at(address: number): Piece | undefined {
    const piece = this.#pieces[this.#firstEndingAfter(address)];
    return piece !== undefined && piece.start <= address ? piece : undefined;
  }

  /** The pieces that reach into `start` to `end`, in order. */
  within(start: number, end: number): Piece[] {
    const first = this.#firstEndingAfter(start);
    let last = first;
    while ((this.#pieces[last]?.start ?? end) < end) last++;
    return this.#pieces.slice(first, last);
  }

  /** Index of the first piece whose end lies behind this address. */
  #firstEndingAfter(address: number): number {
    return lowerBound(this.#pieces.length, (i) => (this.#pieces[i] as Piece).end > address);
  }
}

/**
 * What of each range no earlier one covers, by address. The borders of all of them cut the addresses into intervals;
 * each range takes those of its own that are still free, jumping over taken ones, so that a file of a million segments
 * costs no more than its sorting.
 */
function withoutOverlaps(ranges: readonly Piece[]): Piece[] {
  const borders = new Float64Array(ranges.flatMap(({ start, end }) => [start, end])).sort();
  const indexOf = (address: number): number => lowerBound(borders.length, (i) => (borders[i] as number) >= address);
  const owners = new Int32Array(borders.length).fill(-1);
  const next = Uint32Array.from(borders.keys());
  ranges.forEach(({ start, end }, owner) => {
    const last = indexOf(end);
    for (let i = free(next, indexOf(start)); i < last; i = free(next, i)) {
      owners[i] = owner;
      next[i] = i + 1;
    }
  });
  return joined(ranges, borders, owners);
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

/** The intervals as pieces; those of one range that touch become one. */
function joined(ranges: readonly Piece[], borders: Float64Array, owners: Int32Array): Piece[] {
  const pieces: Piece[] = [];
  for (let i = 0; i + 1 < borders.length; ) {
    const owner = owners[i] as number;
    const first = i++;
    const range = ranges[owner];
    while (i + 1 < borders.length && owners[i] === owner) i++;
    const [start, end] = [borders[first] as number, borders[i] as number];
    if (range === undefined || start === end) continue;
    pieces.push({ start, end, file: range.file === undefined ? undefined : range.file + (start - range.start) });
  }
  return pieces;
}
