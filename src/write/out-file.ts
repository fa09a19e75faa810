// SPDX-License-Identifier: Apache-2.0
import { writeSync } from 'node:fs';

/** Writes all of `data`; a single write may take only a part. */
export function writeAll(descriptor: number, data: Uint8Array, position: number): void {
  for (let done = 0; done < data.length; )
    done += writeSync(descriptor, data, done, data.length - done, position + done);
}

/** Writes all of `data` where the last write to the file ended. */
export function appendAll(descriptor: number, data: Uint8Array): void {
  for (let done = 0; done < data.length; ) done += writeSync(descriptor, data, done);
}

const SIZE = 2 ** 20;

/** Collects bytes that follow each other in a file, and writes them in large pieces. */
export class Appender {
  readonly #descriptor: number;
  readonly #buffer = new Uint8Array(SIZE);
  #fill = 0;
  #start: number;

  constructor(descriptor: number, position: number) {
    this.#descriptor = descriptor;
    this.#start = position;
  }

  /** Offset in the file of what is added next. */
  get position(): number {
    return this.#start + this.#fill;
  }

  /** Goes on at another offset. */
  moveTo(position: number): void {
    if (position === this.position) return;
    this.flush();
    this.#start = position;
  }

  /** Adds at most `SIZE` bytes. */
  add(bytes: Uint8Array): void {
    if (this.#fill + bytes.length > SIZE) this.flush();
    this.#buffer.set(bytes, this.#fill);
    this.#fill += bytes.length;
  }

  flush(): void {
    writeAll(this.#descriptor, this.#buffer.subarray(0, this.#fill), this.#start);
    this.#start += this.#fill;
    this.#fill = 0;
  }
}
