// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE } from './address.js';
import { type Bytes, latin1 } from './bytes.js';
import { DumpError } from './errors.js';
import { isUnreadable, type Memory, unreadableError } from './memory.js';

/** Numbers and texts at byte offsets, of bytes that are in memory (`Bytes`) or are read on demand (`LazyBytes`). */
export interface Readable extends Pick<Bytes, 'length' | 'u8' | 'u16' | 'u32' | 'u64' | 'i32' | 'error' | 'window'> {
  /** The text from `offset` up to a NUL, at most `limit` bytes. */
  text(offset: number, limit?: number): string;
  slice(offset: number, length: number): Readable;
}

/** Most bytes of a text, which is the name of a symbol or a type. */
const LONGEST_TEXT = 1024;
const TEXT_STEP = 48;

/** The pages of a range of memory, each read when it is first needed. */
class Pages {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly #have: Uint8Array;
  /** Bytes between the start of the first page and the start of the range. */
  readonly #skew: number;

  constructor(
    readonly memory: Memory,
    readonly address: bigint,
    length: number,
    readonly what: string,
  ) {
    this.#skew = Number(address % BigInt(PAGE_SIZE));
    this.bytes = new Uint8Array(length);
    this.view = new DataView(this.bytes.buffer);
    this.#have = new Uint8Array(Math.ceil((this.#skew + length) / PAGE_SIZE));
  }

  need(offset: number, length: number): void {
    const last = Math.floor((this.#skew + offset + length - 1) / PAGE_SIZE);
    for (let page = Math.floor((this.#skew + offset) / PAGE_SIZE); page <= last; page++)
      if (this.#have[page] === 0) this.#load(page);
  }

  #load(page: number): void {
    const start = Math.max(0, page * PAGE_SIZE - this.#skew);
    const end = Math.min(this.bytes.length, (page + 1) * PAGE_SIZE - this.#skew);
    const read = this.memory.read(this.address + BigInt(start), end - start);
    if (isUnreadable(read)) throw unreadableError(read, this.address, this.what);
    this.bytes.set(read.array(), start);
    this.#have[page] = 1;
  }
}

/** A range of memory that is read on demand, page by page. A page that can't be read fails only when it is needed. */
export class LazyBytes implements Readable {
  readonly #pages: Pages;
  readonly #start: number;

  private constructor(
    pages: Pages,
    start: number,
    readonly length: number,
  ) {
    this.#pages = pages;
    this.#start = start;
  }

  /** The `length` bytes from virtual address `address` on; `what` names them in errors. */
  static of(memory: Memory, address: bigint, length: number, what: string): LazyBytes {
    return new LazyBytes(new Pages(memory, address, length, what), 0, length);
  }

  u8(offset: number): number {
    return this.#pages.view.getUint8(this.#at(offset, 1));
  }

  u16(offset: number): number {
    return this.#pages.view.getUint16(this.#at(offset, 2), true);
  }

  u32(offset: number): number {
    return this.#pages.view.getUint32(this.#at(offset, 4), true);
  }

  u64(offset: number): bigint {
    return this.#pages.view.getBigUint64(this.#at(offset, 8), true);
  }

  i32(offset: number): number {
    return this.#pages.view.getInt32(this.#at(offset, 4), true);
  }

  text(offset: number, limit = LONGEST_TEXT): string {
    const { bytes } = this.#pages;
    const stop = Math.min(this.length, offset + limit);
    let known = Math.min(stop, offset + 1);
    for (;;) {
      const at = this.#at(offset, known - offset);
      const end = bytes.indexOf(0, at);
      if (end >= 0 && end < this.#start + known) return latin1(bytes.subarray(at, end));
      if (known === stop) return latin1(bytes.subarray(at, this.#start + known));
      // What follows `known` may not have been read yet.
      known = Math.min(stop, known + TEXT_STEP);
    }
  }

  window(offset: number, length: number): DataView {
    if (offset > this.length || length < 0) throw this.#short(offset, length);
    const there = Math.min(length, this.length - offset);
    return new DataView(this.#pages.bytes.buffer, this.#at(offset, there), there);
  }

  slice(offset: number, length: number): LazyBytes {
    if (offset < 0 || length < 0 || offset + length > this.length) throw this.#short(offset, length);
    return new LazyBytes(this.#pages, this.#start + offset, length);
  }

  error(offset: number, problem: string): DumpError {
    const { what, address } = this.#pages;
    return new DumpError(problem, { place: { source: what, offset: address + BigInt(this.#start + offset) } });
  }

  #at(offset: number, length: number): number {
    if (offset < 0 || offset + length > this.length) throw this.#short(offset, length);
    const at = this.#start + offset;
    this.#pages.need(at, length);
    return at;
  }

  #short(offset: number, length: number): DumpError {
    return this.error(offset, `${length} bytes are needed, but the data read ends after ${this.length}`);
  }
}
