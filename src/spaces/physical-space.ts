// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, type Pfn, PHYSICAL_LIMIT, pfn } from '../core/address.js';
import type { FrameGap } from '../core/memory.js';
import type { DumpImage } from '../dump/image.js';
import { BEYOND } from '../dump/physical.js';
import { type AddressSpace, type Gap, type Run, RunCursor } from './space.js';

const FRAMES = PHYSICAL_LIMIT / PAGE_SIZE;

/** A run of the machine's frames: `mapped` if the dump has them, else `missing`. */
export type PhysicalRun = Run<'mapped' | 'missing', FrameGap['reason']>;

/**
 * The machine's physical memory, as far as a dump has it. If the dump has an index, it alone decides which frames are
 * there, so only `bytes` reports a page whose data is damaged. Missing frames are in one run if they have the same
 * reason.
 */
export class PhysicalSpace implements AddressSpace<PhysicalRun> {
  readonly name: string;
  readonly limit: number;
  readonly #image: DumpImage;
  readonly #asked: MutablePhysicalRun;

  constructor(image: DumpImage) {
    this.name = `physical memory of ${image.name}`;
    this.limit = image.limit ?? FRAMES;
    this.#image = image;
    this.#asked = new MutablePhysicalRun();
  }

  runs(first: number, end: number): RunCursor<PhysicalRun> {
    return new PhysicalRuns(this.#image, first, end);
  }

  page(page: number): PhysicalRun {
    return this.#asked.set(page, gapAt(this.#image, page));
  }

  bytes(page: number): DataView | Gap {
    if (page >= FRAMES) return BEYOND;
    return this.#image.frame(pfn(page)) ?? this.#image.why(pfn(page));
  }
}

const gapAt = (image: DumpImage, page: number): FrameGap | null => (page >= FRAMES ? BEYOND : image.gap(pfn(page)));

class MutablePhysicalRun implements PhysicalRun {
  page = 0;
  pages = 1;
  readonly pageSize = null;
  readonly protNone = false;
  readonly swap = null;
  #gap: FrameGap | null = null;

  get state(): PhysicalRun['state'] {
    return this.#gap === null ? 'mapped' : 'missing';
  }

  get reason(): FrameGap['reason'] | null {
    return this.#gap?.reason ?? null;
  }

  get message(): string | null {
    return this.#gap?.message ?? null;
  }

  get frame(): Pfn | null {
    return this.#gap === null ? pfn(this.page) : null;
  }

  /** Sets the run to the answer for one frame. */
  set(page: number, gap: FrameGap | null): this {
    this.page = page;
    this.pages = 1;
    this.#gap = gap;
    return this;
  }
}

class PhysicalRuns extends RunCursor<PhysicalRun> {
  readonly #image: DumpImage;
  readonly #run: MutablePhysicalRun;
  readonly #end: number;
  #at: number;
  /** The gap at `#at` (null if the frame is present), if the previous run ended because of it. */
  #ahead: FrameGap | null | undefined;

  constructor(image: DumpImage, first: number, end: number) {
    const run = new MutablePhysicalRun();
    super(run);
    this.#image = image;
    this.#run = run;
    this.#at = first;
    this.#end = end;
  }

  advance(): boolean {
    const first = this.#at;
    if (first >= this.#end) return false;
    const gap = this.#ahead === undefined ? gapAt(this.#image, first) : this.#ahead;
    let next = gap;
    while (next?.reason === gap?.reason) {
      this.#at = this.#after(this.#at, next);
      if (this.#at >= this.#end) break;
      next = gapAt(this.#image, this.#at);
    }
    this.#ahead = next;
    this.#run.set(first, gap).pages = this.#at - first;
    return true;
  }

  /** The first frame after `frame` that may differ from it. */
  #after(frame: number, gap: FrameGap | null): number {
    if (gap === null) return frame + 1;
    if (frame >= FRAMES) return this.#end;
    return this.#image.gapEnd(pfn(frame), Math.min(this.#end, FRAMES));
  }
}
