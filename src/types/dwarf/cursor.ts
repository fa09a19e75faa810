// SPDX-License-Identifier: Apache-2.0
import { type Bytes, latin1 } from '../../core/bytes.js';
import type { DumpError } from '../../core/errors.js';

/** Reads DWARF values one after another. Reading past `end` throws a `DumpError` with the place. */
export class Cursor {
  at: number;

  constructor(
    readonly bytes: Bytes,
    at = 0,
    readonly end = bytes.length,
  ) {
    this.at = at;
  }

  u8(): number {
    return this.bytes.view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.bytes.view.getUint16(this.#take(2), true);
  }

  u24(): number {
    const at = this.#take(3);
    return this.bytes.view.getUint16(at, true) + this.bytes.view.getUint8(at + 2) * 0x10000;
  }

  u32(): number {
    return this.bytes.view.getUint32(this.#take(4), true);
  }

  u64(): bigint {
    return this.bytes.view.getBigUint64(this.#take(8), true);
  }

  /** An offset: 4 bytes in 32-bit DWARF, 8 in 64-bit. */
  offset(size: 4 | 8): number {
    return size === 4 ? this.u32() : this.bytes.u53(this.#take(8));
  }

  /** A ULEB128 number. Values above 2^53 are rounded; a valid offset is never that large. */
  uleb(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
      if (scale > 2 ** 70) throw this.error('a LEB128 number has no end');
    }
  }

  /** An SLEB128 number, rounded likewise. */
  sleb(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) return (byte & 0x40) !== 0 ? value - scale : value;
      if (scale > 2 ** 70) throw this.error('a LEB128 number has no end');
    }
  }

  /** The text up to the next NUL. */
  text(): string {
    const start = this.at;
    while (this.u8() !== 0);
    return latin1(this.bytes.array().subarray(start, this.at - 1));
  }

  skip(length: number): void {
    this.#take(length);
  }

  error(problem: string): DumpError {
    return this.bytes.error(Math.min(this.at, this.bytes.length), problem);
  }

  #take(length: number): number {
    const { at } = this;
    if (length < 0 || at + length > this.end) throw this.error('debug information ends in the middle of an entry');
    this.at = at + length;
    return at;
  }
}
