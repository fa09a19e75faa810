// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { Readable } from '../core/lazy-bytes.js';
import { type Entries, entriesOf, lengthSize } from './kallsyms-entries.js';
import { hashOf, type Tokens } from './kallsyms-tokens.js';

/** kallsyms_markers has the offset of every 256th symbol. */
export const MARKED = 256;
/** Bounds of the bytes between two markers: a symbol takes at least 2 bytes, and on average at most 140. */
export const LEAST_STEP = MARKED * 2;
export const MOST_STEP = MARKED * 140;
/** Tables are aligned to 8 bytes up to 6.18, to 4 bytes in 7.2. */
const ALIGNMENTS = [8, 4] as const;
const alignUp = (size: number, alignment: number): number => Math.ceil(size / alignment) * alignment;

/**
 * kallsyms_names: for each symbol a length and as many token numbers. `region` extends from there to
 * kallsyms_token_table, so that it also contains kallsyms_markers, and in some kernels kallsyms_seqs_of_names.
 */
export class CompressedNames {
  /** Offset of every 256th entry, and of the end of the names. */
  readonly #marks: readonly number[];
  readonly #blocks = new Map<number, Entries>();
  #hashes: Int32Array | null = null;
  /** Offset of kallsyms_seqs_of_names, if it follows the markers; null if there is no room for it. */
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

  /** Name of a symbol by its index in the table of addresses, without the type letter. Throws `DumpError`. */
  name(index: number): string {
    const { start, places } = this.#block(Math.floor(index / MARKED));
    const within = index % MARKED;
    const [entry, end] = [places[within] as number, places[within + 1] as number];
    const view = this.region.window(start + entry, end - entry);
    const skip = lengthSize(view, 0, end - entry);
    return this.tokens.expand(new Uint8Array(view.buffer, view.byteOffset + skip, end - entry - skip)).slice(1);
  }

  /** Index of the first symbol with a name; null if there is none. All names are read the first time. Throws `DumpError`. */
  find(name: string): number | null {
    this.#hashes ??= this.#allHashes();
    const hashes = this.#hashes;
    const wanted = hashOf(name);
    for (let i = hashes.indexOf(wanted); i >= 0; i = hashes.indexOf(wanted, i + 1)) if (this.name(i) === name) return i;
    return null;
  }

  #allHashes(): Int32Array {
    const { count, region, tokens } = this;
    const hashes = new Int32Array(count);
    for (let first = 0; first < count; first += MARKED) {
      const { start, places } = this.#block(first / MARKED);
      const view = region.window(start, places.at(-1) as number);
      for (let i = 0; i + 1 < places.length; i++) {
        const [entry, end] = [places[i] as number, places[i + 1] as number];
        hashes[first + i] = tokens.hash(view, entry + lengthSize(view, entry, end), end);
      }
    }
    return hashes;
  }

  /** The entries of the symbols between two markers. */
  #block(index: number): Entries {
    let block = this.#blocks.get(index);
    if (block === undefined) {
      const start = this.#marks[index] as number;
      const end = this.#marks[index + 1] as number;
      const entries = Math.min(MARKED, this.count - index * MARKED);
      block =
        entriesOf(this.region, start, end, entries, true) ??
        entriesOf(this.region, start, end, entries, false) ??
        undefined;
      if (block === undefined) throw this.region.error(start, 'kallsyms: the names do not match their markers');
      this.#blocks.set(index, block);
    }
    return block;
  }
}

/**
 * The markers follow the names: u64[] up to 4.19, u32[] since. After them comes the token table, in 6.1 preceded by
 * kallsyms_seqs_of_names (24 bits per symbol). Markers are recognised by their values: 0 first, then ascending.
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
 * Where the names of the last block end: at most the padding of a table before the markers. Lengths of two bytes are
 * tried first, for each possible end: read that way, only one end fits, and without long names both forms are equal.
 */
function endOf(region: Readable, start: number, limit: number, count: number): number | null {
  const entries = count % MARKED === 0 ? MARKED : count % MARKED;
  for (const wide of [true, false])
    for (let end = limit; end > limit - 16 && end > start; end--)
      if (entriesOf(region, start, end, entries, wide) !== null) return end;
  return null;
}

/** Marks without markers: walks all names, with the form of lengths that stays inside the region. */
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
  throw new DumpError('kallsyms: the boundaries of the names were not found');
}
