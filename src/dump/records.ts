// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { Intervals, withoutOverlaps } from './intervals.js';

/** struct makedumpfile_data_header: where in the dump and how many bytes, both big-endian 64-bit numbers. */
export const RECORD_SIZE = 16;
/** Runs that are kept: with as many a process takes 420 MB. Writers fill buffers of megabytes: a terabyte takes some 100,000. */
const MOST = 2 * 1024 * 1024;

type Column = Float64Array<ArrayBuffer>;

/**
 * The records of a flattened file in the order in which they were written, those that follow each other with the same
 * size, in the file and in the dump, as one run. In columns: there may be millions.
 */
export class Records {
  length = 0;
  /** Where a run's first record belongs in the dump, where its bytes are in the file, and bytes of each record. */
  #targets: Column = new Float64Array(64);
  #positions: Column = new Float64Array(64);
  #sizes: Column = new Float64Array(64);
  #counts: Column = new Float64Array(64);

  /** `size` bytes of the dump from `target` on lie at `position` of the file. Throws `DumpError` when there are too many. */
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

  /** What of the dump each run has for itself: of those that cover a byte the one written last. */
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

  /** Where a byte of the dump that a run covers lies in the file, and how many of its record's bytes lie there. */
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
      throw new DumpError(`more than ${MOST} records that do not follow each other`, {
        code: 'unsupported',
        hint: 'write the dump anew from it: makedumpfile -R out < this file',
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
