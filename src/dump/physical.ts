// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, type Pfn, PHYSICAL_LIMIT, pfnOf } from '../core/address.js';
import { Bytes } from '../core/bytes.js';
import type { FrameGap } from '../core/memory.js';
import type { DumpImage } from './image.js';
import type { PagePart } from './piece-reader.js';

/** Some bytes of physical memory that lie together: as the dump has them, or why it does not. */
export interface Stretch {
  /** Physical address of the first byte. */
  readonly address: number;
  readonly length: number;
  /** Null where the dump has none. */
  readonly bytes: Uint8Array | null;
  /** Why; null where there are bytes. */
  readonly gap: FrameGap | null;
}

/** What can be said of frames that there can't be. */
export const BEYOND: FrameGap = { reason: 'outside', message: '2^52 and more is no physical address' };

/** Physical memory by addresses. Nothing that the dump lacks is ever shown as zeros. */
export class PhysicalMemory {
  constructor(readonly image: DumpImage) {}

  /** The bytes from `address` on, page by page; stretches of the same gap are one. Below 2^53 both. */
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

/** Some bytes of a page that lies at `page`; `from` and `to` count from its start. */
function* within(parts: readonly PagePart[], from: number, to: number, page: number): Generator<Stretch> {
  for (const { from: first, length, bytes, gap } of parts) {
    const [start, end] = [Math.max(first, from), Math.min(first + length, to)];
    if (start >= end) continue;
    const there = bytes?.array().subarray(start - first, end - first) ?? null;
    yield { address: page + start, length: end - start, bytes: there, gap };
  }
}

/** Two gaps for the same reason as one; null where they are not. What is cut off tells where each page should be. */
function join(one: Stretch, other: Stretch): Stretch | null {
  if (one.gap === null || other.gap === null || one.gap.reason !== other.gap.reason) return null;
  if (one.gap.reason !== 'cut-off' && one.gap.message !== other.gap.message) return null;
  return { ...one, length: one.length + other.length };
}
