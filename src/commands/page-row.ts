// SPDX-License-Identifier: Apache-2.0
import { pfn } from '../core/address.js';
import type { DumpImage } from '../dump/image.js';
import type { Host } from '../kernel/host.js';
import { isLive, settled } from '../kernel/live.js';
import { PageFacts } from '../pages/facts.js';
import type { InDump } from './page-rows.js';
import { PageVersion } from './page-version.js';

/** Most frames of a gap that are looked at together. */
const MOST_GAP = 0x1000;
/** Bit 11 of kpageflags. */
const MMAP = 1 << 11;
/** The fields of the gpa_hpa hypercall's word: compound, mapped, and an order of five bits. */
const COMPOUND_BIT = 1;
const MAPPED_BIT = 2;
const ORDER_SHIFT = 2;
const MOST_ORDER = 31;

/** A byte of a frame, and the facts about its page. One object is used for all rows. */
export class PageRow {
  readonly record = 'page';
  readonly facts: PageFacts;
  /** The byte in the frame. */
  offset = 0;
  inDump: InDump = 'outside';
  /** A number that changes when a member does that is not about the address of the page. */
  version = 0;
  readonly #host: Host;
  readonly #image: DumpImage;
  readonly #versions = new PageVersion();
  /** The frames from `#first` to `#end` - 1 are missing for the same reason. */
  #first = 0;
  #end = 0;
  #reason: InDump = 'yes';

  /** Throws `DumpError` if the kernel's struct pages can't be found. */
  constructor(host: Host, image: DumpImage) {
    this.#host = host;
    this.facts = new PageFacts(host);
    this.#image = image;
  }

  /** Sets the row to a byte of a frame, which must be below 2^40. */
  set(frame: number, offset: number): this {
    if (isLive(this.#host)) this.#lookTwice(frame);
    else this.facts.look(frame);
    this.offset = offset;
    this.inDump = frame >= this.#first && frame < this.#end ? this.#reason : this.#look(frame);
    this.version = this.#versions.of(this.facts, this.inDump);
    return this;
  }

  /** Sets the row to a byte of a frame of which it is not known whether it is the one that was asked about. */
  setMoved(frame: number, offset: number): this {
    const { facts } = this.set(frame, offset);
    this.version = this.#versions.of(facts.moved(frame), this.inDump);
    return this;
  }

  #lookTwice(frame: number): void {
    const { facts } = this;
    const found = settled(this.#host, () => {
      facts.forget();
      return { key: facts.look(frame).use, value: facts };
    });
    if (found === null) facts.moved(frame);
  }

  #look(frame: number): InDump {
    const gap = this.#image.gap(pfn(frame));
    if (gap === null) return 'yes';
    this.#first = frame;
    this.#end = this.#image.gapEnd(pfn(frame), frame + MOST_GAP);
    this.#reason = gap.reason;
    return gap.reason;
  }

  get problems(): readonly string[] {
    return this.facts.problems;
  }

  /** Whether the page has a struct page that could be read. */
  get isKnown(): boolean {
    return this.facts.kind !== 'none' && this.facts.kind !== 'unknown';
  }

  /** The word of the gpa_hpa hypercall: bit 0, compound; bit 1, mapped; bits 2 to 6, order. */
  get gpaHpaFlags(): number {
    const { head, huge, kpage, order } = this.facts;
    return (
      (head !== null || huge !== null ? COMPOUND_BIT : 0) |
      ((kpage.low & MMAP) !== 0 ? MAPPED_BIT : 0) |
      (Math.min(order, MOST_ORDER) << ORDER_SHIFT)
    );
  }
}
