// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { Intervals, withoutOverlaps } from './intervals.js';

/** Size of struct makedumpfile_data_header: offset in the dump and number of bytes, two big-endian 64-bit numbers. */
export const RECORD_SIZE = 16;
/** Most runs; with as many the process takes 420 MB. Writers use buffers of megabytes: 100,000 runs for a terabyte. */
const MOST = 2 * 1024 * 1024;

type Column = Float64Array<ArrayBuffer>;

/**
 * The records of a flattened file in the order in which they were written. Records of the same size that follow each
 * other both in the file and in the dump are one run. Stored in typed arrays, as there may be millions.
 */
export class Records {
  length = 0;
  /** Per run: offset of the first record in the dump, offset of its bytes in the file, bytes per record, records. */
  #targets: Column = new Float64Array(64);
  #positions: Column = new Float64Array(64);
  #sizes: Column = new Float64Array(64);
  #counts: Column = new Float64Array(64);

  /** Adds `size` bytes for offset `target` of the dump, at offset `position` of the file. `DumpError` if too many. */
  add(target: number, position: number, size: number): void {
    const last = this.length - 1;
    const count = this.#counts[last] ?? 0;
    const follows =
      this.#sizes[last] === size &&
      target === (this.#targets[last] as number) + size * count &&
      position === (this.#positions[last] as number) + (size + RECORD_SIZE) * count;
    if (follows) this.#counts[last] = count + 1;
    else if (size > 0) this.#push([target, position, size]);
  }

  /** The ranges of the dump, each with its run; where runs overlap, the one written last. */
  intervals(): Intervals {
    const at = (column: Float64Array, i: number) => column[this.length - 1 - i] as number;
    const starts = Float64Array.from({ length: this.length }, (_, i) => at(this.#targets, i));
    const ends = Float64Array.from(starts, (start, i) => start + at(this.#sizes, i) * at(this.#counts, i));
    const { starts: from, ends: to, owners } = withoutOverlaps(starts, ends);
    return new Intervals(
      from,
      to,
      owners.map((owner) => this.length - 1 - owner),
    );
  }

  /** File offset of a byte of the dump that a run covers, and the number of bytes from there to its record's end. */
  place(run: number, offset: number): { position: number; length: number } {
    const size = this.#sizes[run] as number;
    const within = offset - (this.#targets[run] as number);
    const inside = within % size;
    const records = (within - inside) / size;
    return {
      position: (this.#positions[run] as number) + records * (size + RECORD_SIZE) + inside,
      length: size - inside,
    };
  }

  #push([target, position, size]: readonly [number, number, number]): void {
    if (this.length === MOST)
      throw new DumpError(`more than ${MOST} records that are not contiguous`, {
        code: 'unsupported',
        hint: 'rebuild the dump from the file: makedumpfile -R OUT < FILE',
      });
    if (this.length === this.#targets.length) this.#grow();
    this.#targets[this.length] = target;
    this.#positions[this.length] = position;
    this.#sizes[this.length] = size;
    this.#counts[this.length++] = 1;
  }

  #grow(): void {
    [this.#targets, this.#positions] = [longer(this.#targets), longer(this.#positions)];
    [this.#sizes, this.#counts] = [longer(this.#sizes), longer(this.#counts)];
  }
}

function longer(column: Column): Column {
  const grown = new Float64Array(column.length * 2);
  grown.set(column);
  return grown;
}
