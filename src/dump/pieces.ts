// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, PHYSICAL_LIMIT } from '../core/address.js';
import { type Intervals, withoutOverlaps } from './intervals.js';

/** The physical addresses `start` to `end` - 1. `file` is the file offset of the first; undefined if it has none. */
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

/** Segments of a dump by physical address, without overlaps: a byte that two segments cover belongs to the first. */
export class PieceMap {
  readonly #ranges: readonly Piece[];
  readonly #intervals: Intervals;

  constructor(segments: readonly Segment[]) {
    const ranges: Piece[] = [];
    for (const { paddr, offset, filesz, memsz } of segments) {
      if (paddr + Math.max(memsz, filesz) > PHYSICAL_LIMIT) continue;
      if (filesz > 0) ranges.push({ start: paddr, end: paddr + filesz, file: offset });
      if (memsz > filesz) ranges.push({ start: paddr + filesz, end: paddr + memsz, file: undefined });
    }
    this.#ranges = ranges;
    this.#intervals = withoutOverlaps(
      Float64Array.from(ranges, ({ start }) => start),
      Float64Array.from(ranges, ({ end }) => end),
    );
  }

  /** The piece that contains an address. */
  at(address: number): Piece | undefined {
    const piece = this.atOrAfter(address);
    return piece !== undefined && piece.start <= address ? piece : undefined;
  }

  /** The piece that contains an address, else the first one after it. */
  atOrAfter(address: number): Piece | undefined {
    return this.#piece(this.#intervals.endingAfter(address));
  }

  /** The pieces that overlap the addresses `start` to `end` - 1, ascending. */
  within(start: number, end: number): Piece[] {
    const pieces: Piece[] = [];
    for (let i = this.#intervals.endingAfter(start); (this.#intervals.starts[i] ?? end) < end; i++)
      pieces.push(this.#piece(i) as Piece);
    return pieces;
  }

  /** All pieces, ascending by address. */
  *all(): Generator<Piece> {
    for (let i = 0; i < this.#intervals.length; i++) yield this.#piece(i) as Piece;
  }

  /** Number of the last frame that a piece reaches, plus one. */
  get frames(): number {
    return Math.ceil(this.#intervals.end / PAGE_SIZE);
  }

  #piece(index: number): Piece | undefined {
    if (index >= this.#intervals.length) return undefined;
    const { starts, ends, owners } = this.#intervals;
    const [start, end] = [starts[index] as number, ends[index] as number];
    const range = this.#ranges[owners[index] as number] as Piece;
    return { start, end, file: range.file === undefined ? undefined : range.file + (start - range.start) };
  }
}
