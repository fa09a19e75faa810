// SPDX-License-Identifier: Apache-2.0
import { Bytes } from '../core/bytes.js';
import { DumpError } from '../core/errors.js';
import type { ByteSource } from '../core/memory.js';
import type { Intervals } from './intervals.js';
import { RECORD_SIZE, Records } from './records.js';

/** "makedumpfile" and four zeros (struct makedumpfile_header, makedumpfile.h). */
const SIGNATURE = [0x656b616d, 0x706d7564, 0x656c6966, 0] as const;
/** Bytes that the header occupies in the file. */
const HEADER_SIZE = 4096;
/** The offset in the header of the end record. */
const END = -1n;
const LARGEST = 2n ** 53n;
/** Most bytes of one read. */
const MOST = 0x20000000;

/** Whether a file that begins with these bytes is in flattened format. */
export const isFlattened = (start: Bytes): boolean =>
  start.length >= 16 && SIGNATURE.every((word, i) => start.u32(i * 4) === word);

/**
 * A dump in makedumpfile's flattened format (`-F`; also QEMU's dump-guest-memory in its kdump formats): records in the
 * order in which they were written, each with its offset in the dump. Later records replace earlier ones: the headers
 * are written again at the end. Opening goes through the record headers once. Reads of bytes that no record covers
 * throw `DumpError`: a reader of an undamaged dump never needs them.
 */
export class Flattened implements ByteSource {
  readonly name: string;
  readonly size: number;
  /** Whether the file has its end record. */
  readonly complete: boolean;
  readonly #records: Records;
  readonly #intervals: Intervals;

  /** Throws `DumpError` for an invalid record. `tick` is called for each record. */
  constructor(
    readonly file: ByteSource,
    tick: () => void,
  ) {
    this.name = file.name;
    const { records, complete } = recordsOf(file, tick);
    this.#records = records;
    this.#intervals = records.intervals();
    this.complete = complete;
    this.size = this.#intervals.end;
  }

  close(): void {
    this.file.close?.();
  }

  /** The first bytes of the dump, up to a gap and at most `most`. */
  start(most: number): Bytes {
    const { starts, ends } = this.#intervals;
    let length = 0;
    for (let i = 0; (starts[i] ?? Infinity) <= length && length < most; i++) length = ends[i] as number;
    return this.read(0, Math.min(length, most), 'start of the dump');
  }

  read(offset: number, length: number, what: string): Bytes {
    if (offset < 0 || length < 0 || !(offset + length <= this.size)) throw this.#cutOff(offset, length, what);
    const first = this.#piece(offset, length, what);
    if (first !== null && first.length === length) return first;
    if (length > MOST)
      throw new DumpError(`${what}: ${length} bytes are too many to be valid`, {
        place: { source: this.name, offset },
      });
    const whole = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const part = this.#piece(offset + done, length - done, what);
      if (part === null) throw this.#cutOff(offset + done, length - done, what);
      whole.set(part.array(), done);
      done += part.length;
    }
    return Bytes.of(whole, { source: this.name, offset });
  }

  /** The bytes from `offset` on that are contiguous in the file, at most `length`; null if no record covers them. */
  #piece(offset: number, length: number, what: string): Bytes | null {
    const { starts, ends, owners } = this.#intervals;
    const index = this.#intervals.endingAfter(offset);
    if ((starts[index] ?? Infinity) > offset) return null;
    const { position, length: there } = this.#records.place(owners[index] as number, offset);
    return this.file.read(position, Math.min(length, there, (ends[index] as number) - offset), what);
  }

  #cutOff(offset: number, length: number, what: string): DumpError {
    const place = { source: this.name, offset };
    return new DumpError(`${what}: ${length} bytes are needed, but the flattened dump does not have all of them`, {
      place,
      hint: 'the file is truncated or damaged',
      code: 'truncated',
    });
  }
}

/**
 * A record that is cut off by the end of the file must not be larger than this, unless a whole one before it is as large: makedumpfile
 * writes a buffer at a time.
 */
const BUFFER = 0x10000;

function recordsOf(file: ByteSource, tick: () => void): { records: Records; complete: boolean } {
  const records = new Records();
  let largest = BUFFER;
  for (let at = HEADER_SIZE; at + RECORD_SIZE <= file.size; ) {
    tick();
    const header = file.readOnce?.(at, RECORD_SIZE, 'record') ?? file.read(at, RECORD_SIZE, 'record');
    const target = header.view.getBigInt64(0);
    const size = header.view.getBigInt64(8);
    if (target === END) return { records, complete: true };
    // No writer writes empty records: zeros after the last record are space that was never written to.
    if (size === 0n && target === 0n) break;
    if (target < 0n || size <= 0n || target + size >= LARGEST)
      throw header.error(0, `invalid record: ${size} bytes at offset ${target} of the dump`);
    // A size that is wrong would take the records after it for data.
    if (at + RECORD_SIZE + Number(size) > file.size && size > largest) break;
    largest = Math.max(largest, Number(size));
    records.add(Number(target), at + RECORD_SIZE, Math.min(Number(size), file.size - at - RECORD_SIZE));
    at += RECORD_SIZE + Number(size);
  }
  return { records, complete: false };
}
