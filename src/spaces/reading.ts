// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE } from '../core/address.js';
import { type ContentsSource, differ } from './contents.js';
import type { MmRun } from './mm-run.js';
import { type AddressSpace, type Gap, isGap } from './space.js';

/** Memory in pages, each with its bytes or the reason why there are none. */
export interface Pages {
  /** The page's 4096 bytes, or why there are none. They stay valid and must not be changed. */
  bytes(page: number): DataView | Gap;
  /**
   * For a page without bytes: a page after it, at most `end`, so that those between have none for the same reason. The page
   * that follows always is such an answer.
   */
  gapEnd(page: number, end: number): number;
  /** Where the last bytes are. */
  readonly source: ContentsSource;
}

/** The pages of an address space. */
export function pagesOf(space: AddressSpace<MmRun> & { readonly source: ContentsSource }): Pages {
  return {
    get source() {
      return space.source;
    },
    bytes: (page) => space.bytes(page),
    gapEnd(page, end) {
      const { value: run } = space.runs(page, end).next();
      return run === undefined || differ(run) ? page + 1 : page + run.pages;
    },
  };
}

/** Bytes that follow each other in one page; or bytes, of any number of pages, that are missing for one reason. */
export interface Piece {
  /** Number of the page with the first byte, and its offset there. */
  readonly page: number;
  readonly offset: number;
  readonly length: number;
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
