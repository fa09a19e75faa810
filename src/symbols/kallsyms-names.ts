// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { Readable } from '../core/lazy-bytes.js';
import type { Tokens } from './kallsyms-tokens.js';

/** Every 256th symbol has its offset in kallsyms_markers. */
export const MARKED = 256;
/** Bytes between two markers: each symbol takes 2 at least, and 140 on average at the most. */
export const LEAST_STEP = MARKED * 2;
export const MOST_STEP = MARKED * 140;
/** Tables begin at multiples of 8 bytes up to 6.18, of 4 in 7.2. */
const ALIGNMENTS = [8, 4] as const;
const alignUp = (size: number, alignment: number): number => Math.ceil(size / alignment) * alignment;

/**
 * kallsyms_names: for each symbol a length and that many token numbers. `region` reaches from it to
 * kallsyms_token_table, so that it holds kallsyms_markers too, and in some kernels kallsyms_seqs_of_names.
 */
export class CompressedNames {
  /** Offset of every 256th entry, and of the end of the names. */
  readonly #marks: readonly number[];
  readonly #blocks = new Map<number, Uint32Array>();
  /** Where kallsyms_seqs_of_names must be if it lies behind the markers; null if there is no room for it. */
  readonly sortedAt: number | null;

  constructor(
    readonly region: Readable,
    readonly count: number,
    readonly tokens: Tokens,
  ) {
    const found = findMarkers(region, count);
    this.#marks = found?.marks ?? walkedMarks(region, count);
    this.sortedAt = found?.sortedAt ?? null;
  }

  /** Name of a symbol by its place in the table of addresses, without the type letter. */
  name(index: number): string {
    const block = this.#block(Math.floor(index / MARKED));
    const within = index % MARKED;
    const [start, end] = [block[2 * within] as number, block[2 * within + 1] as number];
    const view = this.region.window(start, end - start);
    return this.tokens.expand(new Uint8Array(view.buffer, view.byteOffset, end - start)).slice(1);
  }

  /** Start and end of the token bytes of each of 256 symbols. */
  #block(index: number): Uint32Array {
    let block = this.#blocks.get(index);
    if (block === undefined) {
      const start = this.#marks[index] as number;
      const end = this.#marks[index + 1] as number;
      const entries = Math.min(MARKED, this.count - index * MARKED);
      block =
        entriesOf(this.region, start, end, entries, true) ??
        entriesOf(this.region, start, end, entries, false) ??
        undefined;
      if (block === undefined) throw this.region.error(start, 'kallsyms: the names do not fit their markers');
      this.#blocks.set(index, block);
    }
    return block;
  }
}

/**
 * The entries between two marks, if they fill the space exactly. Since Linux commit 73bbb94466fd ("kallsyms: support
 * "big" kernel symbols") (in v6.1) a length of 128 and more takes two bytes, low seven bits first (`wide`); before, one.
 */
function entriesOf(region: Readable, start: number, end: number, count: number, wide: boolean): Uint32Array | null {
  const entries = new Uint32Array(2 * count);
  const view = region.window(start, end - start);
  const size = end - start;
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at >= size) return null;
    let length = view.getUint8(at++);
    if (wide && length >= 0x80 && at < size) length = (length & 0x7f) | (view.getUint8(at++) << 7);
    if (length === 0 || at + length > size) return null;
    entries[2 * i] = start + at;
    at += length;
    entries[2 * i + 1] = start + at;
  }
  return at === size ? entries : null;
}

/**
 * Markers stand behind the names: u64[] up to 4.19, u32[] since. Behind them comes the token table, or, as in 6.1,
 * kallsyms_seqs_of_names (24 bits a symbol) before it. They are recognised by what they are: 0 first, then ascending.
 */
function findMarkers(region: Readable, count: number): { marks: number[]; sortedAt: number | null } | null {
  const marked = Math.ceil(count / MARKED);
  for (const alignment of ALIGNMENTS) {
    const sortedAt = region.length - alignUp(3 * count, alignment);
    for (const next of [sortedAt, region.length])
      for (const size of [4, 8] as const) {
        const marks = markersAt(region, next - alignUp(marked * size, alignment), marked, size);
        if (marks === null) continue;
        const end = endOf(region, marks.at(-1) as number, next - alignUp(marked * size, alignment), count);
        if (end !== null) return { marks: [...marks, end], sortedAt: next === sortedAt ? sortedAt : null };
      }
  }
  return null;
}

function markersAt(region: Readable, start: number, count: number, size: 4 | 8): number[] | null {
  if (start < 0 || region.u32(start) !== 0) return null;
  const marks = [0];
  for (let i = 1; i < count; i++) {
    const at = start + i * size;
    const mark = region.u32(at);
    const step = mark - (marks[i - 1] as number);
    if (step < LEAST_STEP || step > MOST_STEP || (size === 8 && region.u32(at + 4) !== 0)) return null;
    marks.push(mark);
  }
  return (marks.at(-1) as number) < start ? marks : null;
}

/**
 * Where the last block's names end: less than a table's padding before the markers. Lengths of two bytes first, for all
 * ends: read so, names end at one place alone, and without long names both forms are the same.
 */
function endOf(region: Readable, start: number, limit: number, count: number): number | null {
  const entries = count % MARKED === 0 ? MARKED : count % MARKED;
  for (const wide of [true, false])
    for (let end = limit; end > limit - 16 && end > start; end--)
      if (entriesOf(region, start, end, entries, wide) !== null) return end;
  return null;
}

/** Without markers: the way through all names, in the form of lengths in which it stays inside. */
function walkedMarks(region: Readable, count: number): number[] {
  for (const wide of [true, false]) {
    const marks: number[] = [];
    const view = region.window(0, region.length);
    let at = 0;
    let index = 0;
    for (; index < count && at < region.length; index++) {
      if (index % MARKED === 0) marks.push(at);
      let length = view.getUint8(at++);
      if (wide && length >= 0x80 && at < region.length) length = (length & 0x7f) | (view.getUint8(at++) << 7);
      if (length === 0) break;
      at += length;
    }
    if (index === count && at <= region.length) return [...marks, at];
  }
  throw new DumpError('kallsyms: the names can not be told apart');
}
