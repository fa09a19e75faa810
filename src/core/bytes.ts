// SPDX-License-Identifier: Apache-2.0
import { DumpError, type Place } from './errors.js';

/**
 * A range of bytes and the place it was read from. Numbers are little-endian, as everywhere on x86-64.
 * Offsets are in bytes from the start of the range; reading past its end throws a `DumpError` that names the place.
 */
export class Bytes {
  constructor(
    readonly view: DataView,
    readonly place: Place,
  ) {}

  static of(array: Uint8Array, place: Place): Bytes {
    return new Bytes(new DataView(array.buffer, array.byteOffset, array.byteLength), place);
  }

  get length(): number {
    return this.view.byteLength;
  }

  u8(offset: number): number {
    this.#need(offset, 1);
    return this.view.getUint8(offset);
  }

  u16(offset: number): number {
    this.#need(offset, 2);
    return this.view.getUint16(offset, true);
  }

  i16(offset: number): number {
    this.#need(offset, 2);
    return this.view.getInt16(offset, true);
  }

  u32(offset: number): number {
    this.#need(offset, 4);
    return this.view.getUint32(offset, true);
  }

  i32(offset: number): number {
    this.#need(offset, 4);
    return this.view.getInt32(offset, true);
  }

  u64(offset: number): bigint {
    this.#need(offset, 8);
    return this.view.getBigUint64(offset, true);
  }

  /** A 64-bit number as a JavaScript number. Throws `DumpError` from 2^53 on, where it would not be exact. */
  u53(offset: number): number {
    this.#need(offset, 8);
    const high = this.view.getUint32(offset + 4, true);
    if (high >= 0x200000) throw this.error(offset, `0x${this.u64(offset).toString(16)} is too large to be valid`);
    return high * 0x100000000 + this.view.getUint32(offset, true);
  }

  /** An unsigned number of `size` bytes: 1, 2, 4 or 8. For members whose width comes from type information. */
  unsigned(offset: number, size: number): bigint {
    if (size === 8) return this.u64(offset);
    if (size === 4) return BigInt(this.u32(offset));
    if (size === 2) return BigInt(this.u16(offset));
    if (size === 1) return BigInt(this.u8(offset));
    throw this.error(offset, `a number can't be ${size} bytes wide`);
  }

  slice(offset: number, length: number): Bytes {
    this.#need(offset, length);
    const view = new DataView(this.view.buffer, this.view.byteOffset + offset, length);
    return new Bytes(view, this.#placeAt(offset));
  }

  /** A view of `length` bytes from `offset` on, or fewer at the end of the range. */
  window(offset: number, length: number): DataView {
    const there = Math.min(length, this.length - offset);
    this.#need(offset, there);
    return new DataView(this.view.buffer, this.view.byteOffset + offset, there);
  }

  array(): Uint8Array {
    return new Uint8Array(this.view.buffer, this.view.byteOffset, this.view.byteLength);
  }

  /** The text from `offset` up to a NUL, `limit` bytes or the end, as Latin-1: names in a kernel are bytes. */
  text(offset = 0, limit = this.length - offset): string {
    this.#need(offset, 0);
    const bytes = this.array().subarray(offset, offset + limit);
    const end = bytes.indexOf(0);
    return latin1(bytes.subarray(0, end < 0 ? bytes.length : end));
  }

  error(offset: number, problem: string): DumpError {
    return new DumpError(problem, { place: this.#placeAt(offset) });
  }

  #placeAt(offset: number): Place {
    const { source, offset: start } = this.place;
    return { source, offset: typeof start === 'bigint' ? start + BigInt(offset) : start + offset };
  }

  #need(offset: number, length: number): void {
    if (offset < 0 || length < 0 || offset + length > this.view.byteLength)
      throw this.error(offset, `${length} bytes are needed, but the data read ends after ${this.view.byteLength}`);
  }
}

/** Bytes as text, one character per byte. */
export function latin1(bytes: Uint8Array): string {
  // The number of arguments of a call is limited. With `...bytes`, it takes three times as long.
  if (bytes.length < 0x1000) return Reflect.apply(String.fromCharCode, String, bytes) as string;
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
