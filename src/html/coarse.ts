// SPDX-License-Identifier: Apache-2.0
import type { Classes } from './classes.js';
import { NOWHERE, TILE_PAGES } from './format.js';

/**
 * Makes one stretch of the pages of a tile: of their class if they have one, or else of the mixed class of that which most
 * pages have. Pages that are not in the map remain.
 */
export class CoarseStates {
  /** Pages by class in the tile so far. */
  readonly #tile = new Map<number, number>();
  #next: number;

  constructor(
    first: number,
    readonly classes: Classes,
    readonly take: (number: number, pages: number) => void,
  ) {
    this.#next = first;
  }

  /** Adds pages of a class that follow those before. */
  add(number: number, pages: number): void {
    if (number === NOWHERE) {
      this.flush();
      this.take(NOWHERE, pages);
      this.#next += pages;
      return;
    }
    for (let rest = pages; rest > 0; ) {
      const part = Math.min(rest, TILE_PAGES - (this.#next % TILE_PAGES));
      this.#tile.set(number, (this.#tile.get(number) ?? 0) + part);
      this.#next += part;
      rest -= part;
      if (this.#next % TILE_PAGES === 0) this.flush();
    }
  }

  /** Gives the stretch of the pages of the tile so far. */
  flush(): void {
    const tile = this.#tile;
    let [main, most, sum] = [NOWHERE, 0, 0];
    for (const [number, pages] of tile) {
      sum += pages;
      if (pages > most) [main, most] = [number, pages];
    }
    if (sum > 0) this.take(tile.size === 1 ? main : this.classes.mixedOf(main), sum);
    tile.clear();
  }
}
