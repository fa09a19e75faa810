// SPDX-License-Identifier: Apache-2.0
import { DumpError, type Place } from './errors.js';

/**
 * Some bytes that were read, and where they came from. Little endian, as everything on x86-64.
 * Offsets are bytes from the start of this piece; reading past its end is a `DumpError` that names the place.
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

  /** A 64-bit number that must fit a JavaScript number exactly. */
  u53(offset: number): number {
    this.#need(offset, 8);
    const high = this.view.getUint32(offset + 4, true);
    if (high >= 0x200000) throw this.error(offset, `0x${this.u64(offset).toString(16)} is too large to be meant`);
    return high * 0x100000000 + this.view.getUint32(offset, true);
  }

  /** An unsigned number of 1, 2, 4 or 8 bytes, as wide as the type information says. */
  unsigned(offset: number, size: number): bigint {
    if (size === 8) return this.u64(offset);
    if (size === 4) return BigInt(this.u32(offset));
    if (size === 2) return BigInt(this.u16(offset));
    if (size === 1) return BigInt(this.u8(offset));
    throw this.error(offset, `a number of ${size} bytes`);
  }

  slice(offset: number, length: number): Bytes {
    this.#need(offset, length);
    const view = new DataView(this.view.buffer, this.view.byteOffset + offset, length);
    return new Bytes(view, this.#placeAt(offset));
  }

  /** The bytes from `offset` on, at least `length` of them where the piece has as many. */
  window(offset: number, length: number): DataView {
    this.#need(offset, Math.min(length, this.length - offset));
    return new DataView(this.view.buffer, this.view.byteOffset + offset, this.length - offset);
  }

  array(): Uint8Array {
    return new Uint8Array(this.view.buffer, this.view.byteOffset, this.view.byteLength);
  }

  /** The text from `offset` up to a NUL or the end, as Latin-1 (names in a kernel are bytes). */
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
      throw this.error(offset, `${length} bytes are needed, the piece ends after ${this.view.byteLength}`);
  }
}

/** Bytes to text, one character a byte. */
export function latin1(bytes: Uint8Array): string {
  // A call takes a bounded number of arguments.
  if (bytes.length < 0x1000) return String.fromCharCode(...bytes);
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
