// SPDX-License-Identifier: Apache-2.0
import type { Pfn } from '../core/address.js';
import type { Bytes } from '../core/bytes.js';
import { DumpError } from '../core/errors.js';
import type { FrameGap } from '../core/memory.js';
import type { Note } from '../elf/notes.js';
import type { PageReader, Problem, SplitPart } from './image.js';

/** One file of a split dump. */
export interface NamedReader {
  readonly name: string;
  readonly reader: PageReader;
}

interface Part extends SplitPart, NamedReader {}

/** A dump that makedumpfile split into several files (`--split`); some of them may be missing. */
export class SplitReader implements PageReader {
  readonly description: string;
  readonly vmcoreinfo: Bytes | null;
  readonly notes: readonly Note[];
  readonly physBase: bigint | null;
  readonly limit: number | undefined;
  readonly problems: readonly Problem[];
  readonly #parts: readonly Part[];
  readonly #first: Part;

  /** Throws `DumpError` if the files are not parts of one dump, or if they overlap. */
  constructor(files: readonly NamedReader[]) {
    this.#parts = files.map(partOf).sort((a, b) => a.start - b.start);
    const first = this.#parts[0] as Part;
    this.#first = first;
    for (const part of this.#parts)
      if (part.dump !== first.dump)
        throw new DumpError(
          `${part.name} and ${first.name} are parts of different dumps: ${part.dump}; ${first.dump}`,
          {
            code: 'wrong-file',
          },
        );
    this.description = `${first.reader.description}, ${this.#parts.length} parts of a split dump`;
    this.vmcoreinfo = this.#parts.find(({ reader }) => reader.vmcoreinfo !== null)?.reader.vmcoreinfo ?? null;
    this.notes = this.#parts.find(({ reader }) => reader.notes.length > 0)?.reader.notes ?? [];
    this.physBase = first.reader.physBase;
    this.limit = first.reader.limit;
    this.problems = [...this.#parts.flatMap(({ reader }) => reader.problems), ...missing(this.#parts)];
  }

  /** Includes frames of missing parts: each part has the bitmaps of the whole dump. */
  present(): Iterable<Pfn> {
    return this.#first.reader.present();
  }

  page(frame: Pfn): DataView | FrameGap {
    return this.#partOf(frame).reader.page(frame);
  }

  gap(frame: Pfn): FrameGap | null {
    const { reader } = this.#partOf(frame);
    if (reader.gap !== undefined) return reader.gap(frame);
    const page = reader.page(frame);
    return page instanceof DataView ? null : page;
  }

  gapEnd(frame: Pfn, end: number): number {
    const next = this.#parts.find(({ start }) => start > frame)?.start ?? Infinity;
    return Math.min(next, this.#partOf(frame).reader.gapEnd(frame, end));
  }

  #partOf(frame: Pfn): Part {
    return this.#parts.find(({ start, end }) => frame >= start && frame < end) ?? this.#first;
  }
}

function partOf({ name, reader }: NamedReader): Part {
  if (reader.part === undefined)
    throw new DumpError(`${name}: a whole dump, not a part of a split dump; give one dump, or all parts of one`, {
      code: 'wrong-file',
    });
  return { ...reader.part, name, reader };
}

/** A problem for frames that no part has. Throws `DumpError` if two parts have the same frames. */
function missing(parts: readonly Part[]): Problem[] {
  const gaps: string[] = [];
  let [end, before] = [0, ''];
  for (const part of parts) {
    if (part.start < end)
      throw new DumpError(`${part.name} and ${before} contain the same frames`, { code: 'wrong-file' });
    if (part.start > end && hasPages(part, end, part.start)) gaps.push(framesText(end, part.start));
    [end, before] = [part.end, part.name];
  }
  const last = parts.at(-1) as Part;
  const { frames = end } = last.reader;
  if (end < frames && hasPages(last, end, frames)) gaps.push(framesText(end, frames));
  return gaps.length === 0
    ? []
    : [{ message: `parts of the split dump are missing: ${gaps.join(' and ')}`, remedies: ['all-parts'] }];
}

const hasPages = ({ reader }: Part, start: number, end: number): boolean => reader.pagesOf?.(start, end) !== 0;

const framesText = (start: number, end: number): string =>
  `frames 0x${start.toString(16)} to 0x${(end - 1).toString(16)}`;
