// SPDX-License-Identifier: Apache-2.0
import { lowerBound } from '../core/search.js';
import { type Extent, TILE_PAGES } from '../html/format.js';

/** Tiles that follow each other: the first, the one after the last, and the index of the first. */
interface Stretch {
  readonly first: number;
  end: number;
  readonly index: number;
}

/** Numbers the tiles that hold pages of the map, in ascending order. */
export class TileIndex {
  readonly #stretches: Stretch[] = [];
  /** Number of tiles. */
  readonly count: number;
  #last: Stretch = { first: 0, end: 0, index: 0 };

  constructor(extents: readonly Extent[]) {
    let count = 0;
    for (const { first, pages } of extents) {
      const last = this.#stretches.at(-1);
      const from = Math.max(Math.floor(first / TILE_PAGES), last?.end ?? 0);
      const end = Math.floor((first + pages - 1) / TILE_PAGES) + 1;
      if (end <= from) continue;
      if (last?.end === from) last.end = end;
      else this.#stretches.push({ first: from, end, index: count });
      count += end - from;
    }
    this.count = count;
  }

  /** Index of a tile; -1 if it has no page of the map. */
  of(tile: number): number {
    if (tile < this.#last.first || tile >= this.#last.end) {
      const found = this.#stretchOf(tile);
      if (found === undefined) return -1;
      this.#last = found;
    }
    return this.#last.index + tile - this.#last.first;
  }

  /** The stretch that holds a tile. */
  #stretchOf(tile: number): Stretch | undefined {
    const all = this.#stretches;
    const found = all[lowerBound(all.length, (i) => (all[i] as Stretch).end > tile)];
    return found !== undefined && tile >= found.first ? found : undefined;
  }
}
