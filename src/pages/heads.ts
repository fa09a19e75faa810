// SPDX-License-Identifier: Apache-2.0
import type { PageLayout } from './compound.js';
import type { FlagBits } from './flag-bits.js';
import type { StructPages } from './struct-pages.js';

/** Finds the heads of tail pages, in the form that a kernel has (include/linux/page-flags.h, compound_head). */
export class Heads {
  constructor(
    readonly pages: StructPages,
    readonly layout: PageLayout,
    readonly bits: FlagBits,
  ) {}

  /**
   * The frame of the head of a page whose struct page was just found; its own if it is no tail page; null if the pointer to
   * its head is not plausible.
   */
  headOf(frame: number, flags: number): number | null {
    const { layout, pages, bits } = this;
    const { view, at } = pages;
    const link = layout.compoundHead ?? layout.compoundInfo;
    if (link === null) {
      // Up to v4.3 a flag marks tail pages.
      if ((flags & bits.tail) === 0 || layout.firstPage === null) return frame;
      return this.#frameAt(frame, view, at + layout.firstPage.offset, 0);
    }
    if ((view.getUint32(at + link.offset, true) & 1) !== 0) return this.#linked(frame, view, at + link.offset, 1);
    // The struct pages of the tails of a huge page can be copies of the first ones (hugetlb vmemmap optimization, v5.18 to v7.0):
    // such a copy looks like a head, but the tail after it has the address of the real one.
    if (layout.compoundHead !== null && (flags & bits.head) !== 0 && (pages.offset === 0 || frame % 64 === 0)) {
      const place = at + layout.bytes + link.offset;
      if (place + 8 <= view.byteLength && (view.getUint32(place, true) & 1) !== 0)
        return this.#linked(frame, view, place, 1);
    }
    return frame;
  }

  /** A link to the head: its address, or since v7.1 a mask that makes it from the address of the tail's struct page. */
  #linked(frame: number, view: DataView, place: number, mark: number): number | null {
    const [low, high] = [view.getUint32(place, true), view.getUint32(place + 4, true)];
    // A mask has all upper bits set, and is at least as large as any kernel address of struct pages.
    if (this.layout.compoundInfo === null || high !== 0xffffffff) return this.#frameAt(frame, view, place, mark);
    const size = (~(low - mark) >>> 0) + 1;
    const { page, offset } = this.pages;
    const into = ((page % 0x100000) * 4096 + offset) % size;
    const distance = into / this.layout.bytes;
    return Number.isInteger(distance) && distance > 0 && distance <= frame ? frame - distance : null;
  }

  /** The frame whose struct page is at an address, which is stored at a place with `mark` added to it. */
  #frameAt(frame: number, view: DataView, place: number, mark: number): number | null {
    const [low, high] = [view.getUint32(place, true) - mark, view.getUint32(place + 4, true)];
    const { page, offset, section } = this.pages;
    const distance = ((page - (high * 0x100000 + (low >>> 12))) * 4096 + offset - (low & 0xfff)) / this.layout.bytes;
    if (!Number.isInteger(distance) || distance < 0 || distance > frame) return null;
    const head = frame - distance;
    if (section !== null && head >= section.first) return head;
    // In another section, whose struct pages can be elsewhere.
    return this.pages.map.frameOf((BigInt(high) << 32n) | BigInt(low));
  }
}
