// SPDX-License-Identifier: Apache-2.0
import { larger } from '../core/larger.js';

/** Bytes that grow, with the integers of format.ts. */
export class Bytes {
  #bytes = new Uint8Array(0x10000);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Adds an integer from 0 to 2^53 - 1. */
  put(value: number): void {
    if (this.#length + 8 > this.#bytes.length) this.#bytes = larger(this.#bytes);
    const bytes = this.#bytes;
    let rest = value;
    // Bit operations take 32 bits.
    while (rest >= 0x80000000) {
      bytes[this.#length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest >= 0x80) {
      bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[this.#length++] = rest;
  }

  /** Adds an integer above -2^52 and below 2^52, in zigzag form. */
  putSigned(value: number): void {
    this.put(value < 0 ? -2 * value - 1 : 2 * value);
  }

  /** The bytes so far, which are then empty again; valid until the next `put`. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return taken;
  }
}
