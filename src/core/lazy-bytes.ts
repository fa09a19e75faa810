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

const NOTHING = new DataView(new ArrayBuffer(0));
const bytesOf = ({ buffer, byteOffset, byteLength }: DataView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** The pages of a range of memory, each read when it is first needed. They are views of what the memory has, not copies. */
class Pages {
  /** Where in the view that `view` returned last the bytes begin. */
  place = 0;
  readonly #views: (DataView | undefined)[];
  /** Bytes between the start of the first page and the start of the range. */
  readonly #skew: number;

  constructor(
    readonly memory: Memory,
    readonly address: bigint,
    readonly length: number,
    readonly what: string,
  ) {
    this.#skew = Number(address % BigInt(PAGE_SIZE));
    this.#views = new Array<DataView | undefined>(Math.ceil((this.#skew + length) / PAGE_SIZE));
  }

  /** A view that has the `length` bytes from `offset` on, from `place` on. */
  view(offset: number, length: number): DataView {
    const from = this.#skew + offset;
    const page = Math.floor(from / PAGE_SIZE);
    const place = page === 0 ? offset : from % PAGE_SIZE;
    const view = this.#views[page] ?? this.#load(page);
    if (place + length > view.byteLength) return this.#joined(offset, length);
    this.place = place;
    return view;
  }

  /** Bytes of several pages. */
  #joined(offset: number, length: number): DataView {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const part = Math.min(this.rest(offset + done), length - done);
      bytes.set(this.bytes(offset + done, part), done);
      done += part;
    }
    this.place = 0;
    return new DataView(bytes.buffer);
  }

  bytes(offset: number, length: number): Uint8Array {
    const { buffer, byteOffset } = this.view(offset, length);
    return new Uint8Array(buffer, byteOffset + this.place, length);
  }

  /** Number of the bytes from `offset` on that are on the same page. */
  rest(offset: number): number {
    return this.view(offset, 1).byteLength - this.place;
  }

  #load(page: number): DataView {
    const start = Math.max(0, page * PAGE_SIZE - this.#skew);
    const end = Math.min(this.length, (page + 1) * PAGE_SIZE - this.#skew);
    const read = this.memory.read(this.address + BigInt(start), end - start);
    if (isUnreadable(read)) throw unreadableError(read, this.address, this.what);
    this.#views[page] = read.view;
    return read.view;
  }
}

/** A range of memory that is read on demand, page by page. A page that can't be read fails only when it is needed. */
export class LazyBytes implements Readable {
  readonly #pages: Pages;
  readonly #start: number;
  /** The page that was used last, or a copy of parts of two, and the offset of its first byte: most numbers of a table are on the same page. */
  #near: DataView = NOTHING;
  #nearBytes: Uint8Array | null = null;
  #nearAt = 0;
  /** The offsets that it has. */
  #nearFrom = 0;
  #nearTo = 0;

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
    return this.#view(offset, 1).getUint8(this.#pages.place);
  }

  u16(offset: number): number {
    return this.#view(offset, 2).getUint16(this.#pages.place, true);
  }

  u32(offset: number): number {
    if (offset >= this.#nearFrom && offset + 4 <= this.#nearTo)
      return this.#near.getUint32(offset - this.#nearAt, true);
    return this.#view(offset, 4).getUint32(this.#pages.place, true);
  }

  u64(offset: number): bigint {
    return this.#view(offset, 8).getBigUint64(this.#pages.place, true);
  }

  i32(offset: number): number {
    return this.u32(offset) | 0;
  }

  text(offset: number, limit = LONGEST_TEXT): string {
    const stop = Math.min(this.length, offset + limit);
    // Damaged offsets of names lead beyond the end.
    if (offset < 0) throw this.#short(offset, limit);
    let text = '';
    for (let at = offset; at < stop; at = this.#nearTo) {
      if (at < this.#nearFrom || at >= this.#nearTo) this.#view(at, 1);
      this.#nearBytes ??= bytesOf(this.#near);
      const bytes = this.#nearBytes;
      const from = at - this.#nearAt;
      const to = Math.min(this.#nearTo, stop) - this.#nearAt;
      const end = bytes.indexOf(0, from);
      if (end >= 0 && end < to) return text + latin1(bytes.subarray(from, end));
      text += latin1(bytes.subarray(from, to));
    }
    return text;
  }

  window(offset: number, length: number): DataView {
    if (offset < 0 || offset > this.length || length < 0) throw this.#short(offset, length);
    const there = Math.min(length, this.length - offset);
    if (there === 0) return NOTHING;
    const { buffer, byteOffset } = this.#view(offset, there);
    return new DataView(buffer, byteOffset + this.#pages.place, there);
  }

  slice(offset: number, length: number): LazyBytes {
    if (offset < 0 || length < 0 || offset + length > this.length) throw this.#short(offset, length);
    return new LazyBytes(this.#pages, this.#start + offset, length);
  }

  error(offset: number, problem: string): DumpError {
    const { what, address } = this.#pages;
    return new DumpError(problem, { place: { source: what, offset: address + BigInt(this.#start + offset) } });
  }

  #view(offset: number, length: number): DataView {
    this.#check(offset, length);
    const view = this.#pages.view(this.#start + offset, length);
    // A copy of several pages is as long as it was asked for.
    if (length > PAGE_SIZE) return view;
    if (view !== this.#near) this.#nearBytes = null;
    this.#near = view;
    this.#nearAt = offset - this.#pages.place;
    this.#nearFrom = Math.max(0, this.#nearAt);
    this.#nearTo = Math.min(this.length, this.#nearAt + view.byteLength);
    return view;
  }

  #check(offset: number, length: number): void {
    if (offset < 0 || offset + length > this.length) throw this.#short(offset, length);
  }

  #short(offset: number, length: number): DumpError {
    return this.error(offset, `${length} bytes are needed, but the data read ends after ${this.length}`);
  }
}
