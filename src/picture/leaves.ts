// SPDX-License-Identifier: Apache-2.0
// What has to be known of single pages to draw them at a close scale.
import { NOWHERE, type PageClass, TILE_PAGES } from '../html/format.js';
import type { Leaf } from './grid.js';
import type { Model } from './model.js';

/** Answers about single pages. */
export class LeafFinder {
  readonly #hasHuge: boolean;
  readonly #scratch = new Uint16Array(TILE_PAGES);

  constructor(readonly model: Model) {
    this.#hasHuge = model.picture.classes.some(({ pageSize }) => (pageSize ?? 0) > 4096);
  }

  /** The huge leaf that maps a page. Its place follows from the HVA, since page tables map virtual addresses. */
  readonly leafOf = (page: number): Leaf => {
    const slot = this.#hasHuge ? this.model.slotOf(page) : null;
    if (slot === null) return null;
    const pages = (this.#classOf(page)?.pageSize ?? 0) / 4096;
    if (pages <= 1) return null;
    const virtual = slot.page + page - slot.first;
    return { first: virtual - (virtual % pages), pages };
  };

  /** The classes of a tile's pages; valid until the next call. */
  classesOf(tile: number): Uint16Array {
    const classes = this.#scratch.fill(NOWHERE);
    const first = tile * TILE_PAGES;
    for (let at = first; at < first + TILE_PAGES; ) {
      const run = this.model.runs.find(at);
      const end = run === null ? at + 1 : Math.min(run.first + run.pages, first + TILE_PAGES);
      if (run !== null) classes.fill(run.class, at - first, end - first);
      at = end;
    }
    return classes;
  }

  /** Where level 0 is not kept, the class of a page near by: a huge page is larger than a point. */
  #classOf(page: number): PageClass | undefined {
    const number = this.model.tiles.classAt(page);
    return number === NOWHERE ? undefined : this.model.picture.classes[number];
  }
}
