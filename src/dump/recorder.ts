// SPDX-License-Identifier: Apache-2.0
import type { Pfn } from '../core/address.js';
import type { FrameGap, FrameSource } from '../core/memory.js';

/** Physical memory that records which of its frames were read. */
export class RecordingFrames implements FrameSource {
  readonly #seen = new Set<Pfn>();

  constructor(readonly source: FrameSource) {}

  frame(frame: Pfn): DataView | null {
    const page = this.source.frame(frame);
    if (page !== null) this.#seen.add(frame);
    return page;
  }

  get limit(): number | undefined {
    return this.source.limit;
  }

  why(frame: Pfn): FrameGap {
    return this.source.why(frame);
  }

  /** The frames that were read, ascending. */
  get seen(): Pfn[] {
    return [...this.#seen].sort((a, b) => a - b);
  }
}
