// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, type Pfn } from '../core/address.js';
import type { FrameSource } from '../core/memory.js';
import { type ContentsSource, differ } from './contents.js';
import type { MmRun } from './mm-run.js';
import { type AddressSpace, type Gap, isGap, type RunCursor } from './space.js';

/** Memory in pages, each with its bytes or the reason why there are none. */
export interface Pages {
  /** The page's 4096 bytes, or why there are none. They stay valid and must not be changed. */
  bytes(page: number): DataView | Gap;
  /**
   * The bytes of several pages from `page` on, at most to `end` - 1, if they can be read at once; else null. They are valid until
   * the next call, and must not be changed.
   */
  stretch?(page: number, end: number): Uint8Array | null;
  /**
   * For a page without bytes: a page after it, at most `end`, so that those between have none for the same reason. The page
   * that follows always is such an answer.
   */
  gapEnd(page: number, end: number): number;
  /** Where the last bytes are. */
  readonly source: ContentsSource;
}

/** A space whose mapped pages are in the frames of a machine. */
type Space = AddressSpace<MmRun> & { readonly source: ContentsSource; readonly frames: FrameSource };

/** The pages of an address space. */
export function pagesOf(space: Space): Pages {
  const stretches = new Stretches(space);
  return {
    get source() {
      return space.source;
    },
    bytes: (page) => space.bytes(page),
    stretch: (page, end) => stretches.at(page, end),
    gapEnd(page, end) {
      const { value: run } = space.runs(page, end).next();
      if (run?.state === 'mapped' && run.frame !== null)
        return page + (space.frames.gapEnd?.(run.frame, run.frame + run.pages) ?? run.frame + 1) - run.frame;
      return run === undefined || differ(run) ? page + 1 : page + run.pages;
    },
  };
}

/** Fewer pages are not worth a run. */
const FEW = 4;
/** Most bytes that are read at once. */
export const MOST_AT_ONCE = 2 ** 20;
const MANY = MOST_AT_ONCE / PAGE_SIZE;

/** Reads mapped pages of a space together, where their frames follow each other in the machine and in the file. */
class Stretches {
  readonly #space: Space;
  readonly #buffer = new Uint8Array(MOST_AT_ONCE);
  /** The runs to page `#end` - 1, of which one was looked at last; null at the start. */
  #runs: RunCursor<MmRun> | null = null;
  #end = 0;

  constructor(space: Space) {
    this.#space = space;
  }

  at(page: number, end: number): Uint8Array | null {
    const { frames } = this.#space;
    if (end - page < FEW || frames.stretch === undefined) return null;
    const run = this.#runAt(page, end);
    if (run?.state !== 'mapped') return null;
    const skipped = page - run.page;
    const count = Math.min(run.pages - skipped, end - page, MANY);
    // Mapped: there is a frame.
    const target = this.#buffer.subarray(0, count * PAGE_SIZE);
    return count >= FEW && frames.stretch(((run.frame as Pfn) + skipped) as Pfn, target) ? target : null;
  }

  /** The run that has a page; null after the last one. Reading goes up mostly, so that the next run has it. */
  #runAt(page: number, end: number): MmRun | null {
    if (this.#runs === null || end !== this.#end || page < this.#runs.run.page) this.#begin(page, end);
    const runs = this.#runs;
    while (runs !== null && runs.run.page + runs.run.pages <= page) if (!runs.advance()) return this.#none();
    return runs?.run ?? null;
  }

  #begin(page: number, end: number): void {
    const runs = this.#space.runs(page, end);
    this.#runs = runs.advance() ? runs : null;
    this.#end = end;
  }

  #none(): null {
    this.#runs = null;
    return null;
  }
}

/** Bytes that follow each other, at most `MOST_AT_ONCE`; or bytes, of any number of pages, that are missing for one reason. */
export interface Piece {
  /** Number of the page with the first byte, and its offset there. */
  readonly page: number;
  readonly offset: number;
  readonly length: number;
  /** Valid until the next piece. */
  readonly bytes: Uint8Array | null;
  /** Where they are; `memory` also if they are missing. */
  readonly source: ContentsSource;
  /** Why `bytes` is null; null if it is not. The message is about the first page. */
  readonly gap: Gap | null;
}

/** The `length` bytes from an address on, ascending: each of them in one piece. The end must be below 2^64. */
export function* pieces(memory: Pages, page: number, offset: number, length: number): Generator<Piece, undefined> {
  const end = page + Math.ceil((offset + length) / PAGE_SIZE);
  let waiting = null as Piece | null;
  for (let [at, from, left] = [page, offset, length]; left > 0; from = 0) {
    const several = memory.stretch?.(at, end) ?? null;
    if (several !== null) {
      if (waiting !== null) yield waiting;
      waiting = null;
      const size = Math.min(several.length - from, left);
      const bytes = several.subarray(from, from + size);
      yield { page: at, offset: from, length: size, bytes, source: 'memory', gap: null };
      [at, left] = [at + several.length / PAGE_SIZE, left - size];
      continue;
    }
    const found = memory.bytes(at);
    if (!isGap(found)) {
      if (waiting !== null) yield waiting;
      waiting = null;
      const size = Math.min(PAGE_SIZE - from, left);
      const bytes = new Uint8Array(found.buffer, found.byteOffset + from, size);
      yield { page: at, offset: from, length: size, bytes, source: memory.source, gap: null };
      [at, left] = [at + 1, left - size];
      continue;
    }
    const next = Math.max(at + 1, Math.min(memory.gapEnd(at, end), end));
    const size = Math.min((next - at) * PAGE_SIZE - from, left);
    if (waiting?.gap?.reason === found.reason) waiting = { ...waiting, length: waiting.length + size };
    else {
      if (waiting !== null) yield waiting;
      waiting = { page: at, offset: from, length: size, bytes: null, source: 'memory', gap: found };
    }
    [at, left] = [next, left - size];
  }
  if (waiting !== null) yield waiting;
}
