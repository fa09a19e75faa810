// SPDX-License-Identifier: Apache-2.0
import { PHYSICAL_LIMIT } from '../core/address.js';

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
  readonly #pieces: Piece[] = [];

  constructor(segments: readonly Segment[]) {
    for (const { paddr, offset, filesz, memsz } of segments) {
      if (paddr + Math.max(memsz, filesz) > PHYSICAL_LIMIT) continue;
      this.#add({ start: paddr, end: paddr + filesz, file: offset });
      this.#add({ start: paddr + filesz, end: paddr + memsz, file: undefined });
    }
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

  /** Adds what of `piece` no earlier one covers. */
  #add(piece: Piece): void {
    let { start } = piece;
    while (start < piece.end) {
      const index = this.#firstEndingAfter(start);
      const next = this.#pieces[index];
      const end = Math.min(piece.end, next?.start ?? piece.end);
      if (end > start) {
        const file = piece.file === undefined ? undefined : piece.file + (start - piece.start);
        this.#pieces.splice(index, 0, { start, end, file });
      }
      start = next === undefined ? piece.end : next.end;
    }
  }

  /** Index of the first piece whose end lies behind this address. */
  #firstEndingAfter(address: number): number {
    let low = 0;
    let high = this.#pieces.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#pieces[middle] as Piece).end <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
