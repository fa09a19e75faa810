// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, PHYSICAL_LIMIT } from '../core/address.js';
import { lowerBound } from '../core/search.js';
import { withoutOverlaps } from './intervals.js';

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
    this.#pieces = withoutOverlaps(ranges).map(({ start, end, owner }) => {
      const range = ranges[owner] as Piece;
      return { start, end, file: range.file === undefined ? undefined : range.file + (start - range.start) };
    });
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

  /** All of them, by address. */
  get all(): readonly Piece[] {
    return this.#pieces;
  }

  /** Frames, up to the last that any of them reaches. */
  get frames(): number {
    return Math.ceil((this.#pieces.at(-1)?.end ?? 0) / PAGE_SIZE);
  }

  /** Index of the first piece whose end lies behind this address. */
  #firstEndingAfter(address: number): number {
    return lowerBound(this.#pieces.length, (i) => (this.#pieces[i] as Piece).end > address);
  }
}
