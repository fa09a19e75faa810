// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, type Pfn, PHYSICAL_LIMIT, pfnOf } from '../core/address.js';
import { Bytes } from '../core/bytes.js';
import type { FrameGap } from '../core/memory.js';
import type { DumpImage } from './image.js';
import type { PagePart } from './piece-reader.js';

/** A contiguous range of physical memory: its bytes, or why the dump does not have them. */
export interface Stretch {
  /** Physical address of the first byte. */
  readonly address: number;
  readonly length: number;
  /** Null if the dump does not have them. */
  readonly bytes: Uint8Array | null;
  /** Why `bytes` is null; null if it is not. */
  readonly gap: FrameGap | null;
}

/** The gap from 2^52 on. */
export const BEYOND: FrameGap = { reason: 'outside', message: 'physical addresses end at 2^52' };

/** Physical memory by byte address. Bytes that the dump lacks are reported as gaps, never as zeros. */
export class PhysicalMemory {
  constructor(readonly image: DumpImage) {}

  /**
   * The `length` bytes from `address` on, page by page; neighbouring gaps with the same reason are joined. The end,
   * `address + length`, must be below 2^53.
   */
  *read(address: number, length: number): Generator<Stretch> {
    let waiting: Stretch | null = null;
    for (const stretch of this.#byPage(address, address + length)) {
      const joined: Stretch | null = waiting === null ? null : join(waiting, stretch);
      if (waiting !== null && joined === null) yield waiting;
      if (joined === null && stretch.gap === null) yield stretch;
      waiting = joined ?? (stretch.gap === null ? null : stretch);
    }
    if (waiting !== null) yield waiting;
  }

  *#byPage(from: number, to: number): Generator<Stretch> {
    const end = Math.min(to, PHYSICAL_LIMIT);
    for (let at = from; at < end; ) {
      const page = at - (at % PAGE_SIZE);
      const parts = this.#parts(pfnOf(at));
      const [only] = parts;
      if (parts.length === 1 && only?.gap) {
        const next = Math.min(this.image.gapEnd(pfnOf(at), Math.ceil(end / PAGE_SIZE)) * PAGE_SIZE, end);
        yield { address: at, length: next - at, bytes: null, gap: only.gap };
        at = next;
        continue;
      }
      const next = Math.min(page + PAGE_SIZE, end);
      yield* within(parts, at - page, next - page, page);
      at = next;
    }
    const start = Math.max(from, PHYSICAL_LIMIT);
    if (to > start) yield { address: start, length: to - start, bytes: null, gap: BEYOND };
  }

  #parts(frame: Pfn): readonly PagePart[] {
    const whole = this.image.frame(frame);
    if (whole !== null)
      return [{ from: 0, length: PAGE_SIZE, bytes: new Bytes(whole, { source: 'memory', offset: 0 }), gap: null }];
    const gap = this.image.why(frame);
    return this.image.parts(frame) ?? [{ from: 0, length: PAGE_SIZE, bytes: null, gap }];
  }
}

/** The bytes `from` to `to` - 1 of the page at physical address `page`. */
function* within(parts: readonly PagePart[], from: number, to: number, page: number): Generator<Stretch> {
  for (const { from: first, length, bytes, gap } of parts) {
    const [start, end] = [Math.max(first, from), Math.min(first + length, to)];
    if (start >= end) continue;
    const there = bytes?.array().subarray(start - first, end - first) ?? null;
    yield { address: page + start, length: end - start, bytes: there, gap };
  }
}

/** Two gaps joined; null if their reasons differ. Messages of `cut-off` differ always: each names the page's offset. */
function join(one: Stretch, other: Stretch): Stretch | null {
  if (one.gap === null || other.gap === null || one.gap.reason !== other.gap.reason) return null;
  if (one.gap.reason !== 'cut-off' && one.gap.message !== other.gap.message) return null;
  return { ...one, length: one.length + other.length };
}
