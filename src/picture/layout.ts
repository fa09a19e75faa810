// SPDX-License-Identifier: Apache-2.0
// Where each page is in the picture. Coordinates are in pages: x to the right, y downwards.
import { lowerBound } from '../core/search.js';
import { type Extent, TILE_PAGES } from '../html/format.js';
import { TILE_HEIGHT, TILE_WIDTH } from './tiles.js';

/** Rows of tiles in a block: 16 tiles in a row make 1 GiB. */
const BLOCK_ROWS = 32;
const MOST_TILES = 16;
/** The part of the picture's height that each gap has, and all gaps together. */
const GAP = 0.03;
const ALL_GAPS = 0.25;

/** A row of tiles in all columns of blocks. */
export interface Strip {
  readonly top: number;
  /** The first page of the strip: the one at the left edge. */
  readonly first: number;
  /** Whether blocks begin here. */
  readonly isBlockStart: boolean;
}

/** Space between strips, for rows without a memslot that are left out. */
export interface Gap {
  readonly top: number;
  readonly height: number;
  /** Pages left out: the first, and the one after the last. */
  readonly first: number;
  readonly end: number;
}

/** Tiles in a row of a block: a guest below 1 GiB has fewer, so that its picture is not a line. */
export function tilesWideFor(tiles: number): number {
  const wish = Math.sqrt(0.75 * tiles);
  let wide = 1;
  while (wide < MOST_TILES && wide * Math.SQRT2 < wish) wide *= 2;
  return wide;
}

/**
 * Tiles of 32 by 16 pages; blocks of `tilesWide` by 32 tiles; `columns` blocks in a row of blocks. The order is always from
 * left to right and then downwards, so the address of a page is that of the strip's and row's first page plus an offset
 * that depends on x alone. Rows of tiles without memory are left out.
 */
export class Layout {
  readonly tilesWide: number;
  readonly columns: number;
  readonly width: number;
  readonly height: number;
  readonly strips: readonly Strip[];
  readonly gaps: readonly Gap[];
  /** Pages in a row of tiles of a block, and in a block. */
  readonly #row: number;
  readonly #block: number;
  /** Index of the strip by its number. */
  readonly #index = new Map<number, number>();

  constructor(extents: readonly Extent[], tilesWide: number, columns: number) {
    this.tilesWide = tilesWide;
    this.columns = columns;
    this.width = columns * tilesWide * TILE_WIDTH;
    this.#row = tilesWide * TILE_PAGES;
    this.#block = this.#row * BLOCK_ROWS;
    const numbers = this.#numbers(extents);
    const breaks = numbers.filter((number, i) => i > 0 && number !== (numbers[i - 1] as number) + 1).length;
    const gap = gapHeight(numbers.length * TILE_HEIGHT, breaks);
    const strips: Strip[] = [];
    const gaps: Gap[] = [];
    let top = 0;
    for (const [i, number] of numbers.entries()) {
      const before = numbers[i - 1] ?? number - 1;
      const first = this.#firstOf(number);
      if (number !== before + 1) {
        gaps.push({ top, height: gap, first: this.#firstOf(before + 1), end: first });
        top += gap;
      }
      this.#index.set(number, i);
      strips.push({ top, first, isBlockStart: number % BLOCK_ROWS === 0 });
      top += TILE_HEIGHT;
    }
    this.height = top;
    this.strips = strips;
    this.gaps = gaps;
  }

  /** The page at a place; null between strips. It may be in no memslot. */
  at(x: number, y: number): number | null {
    const strip = this.stripAt(y);
    if (strip === null || x < 0 || x >= this.width) return null;
    return strip.first + this.offset(x) + Math.floor(y - strip.top) * TILE_WIDTH;
  }

  /** Pages from the left edge of a row to x in the same row. */
  offset(x: number): number {
    const column = Math.floor(x);
    const inTile = column % TILE_WIDTH;
    const tile = Math.floor(column / TILE_WIDTH);
    return Math.floor(tile / this.tilesWide) * this.#block + (tile % this.tilesWide) * TILE_PAGES + inTile;
  }

  /** Top and bottom of the strips that follow each other without a gap. */
  *parts(): Generator<readonly [number, number]> {
    let top = 0;
    for (const gap of this.gaps) {
      yield [top, gap.top];
      top = gap.top + gap.height;
    }
    yield [top, this.height];
  }

  /** Where a page is; null if its row is left out. */
  placeOf(page: number): { x: number; y: number } | null {
    const block = Math.floor(page / this.#block);
    const inBlock = page % this.#block;
    const row = Math.floor(inBlock / this.#row);
    const index = this.#index.get(Math.floor(block / this.columns) * BLOCK_ROWS + row);
    if (index === undefined) return null;
    const tile = (block % this.columns) * this.tilesWide + Math.floor((inBlock % this.#row) / TILE_PAGES);
    const inTile = page % TILE_PAGES;
    const { top } = this.strips[index] as Strip;
    return { x: tile * TILE_WIDTH + (inTile % TILE_WIDTH), y: top + Math.floor(inTile / TILE_WIDTH) };
  }

  /** The strip at y; null between strips. */
  stripAt(y: number): Strip | null {
    const strip = this.strips[this.stripBefore(y)];
    return strip !== undefined && y >= strip.top && y < strip.top + TILE_HEIGHT ? strip : null;
  }

  /** Index of the last strip that begins at y or above; -1 if there is none. */
  stripBefore(y: number): number {
    return lowerBound(this.strips.length, (i) => (this.strips[i] as Strip).top > y) - 1;
  }

  /** Strips are numbered by row of blocks and row of tiles: those that hold memory, ascending. */
  #numbers(extents: readonly Extent[]): number[] {
    const numbers = new Set<number>();
    for (const { first, pages } of extents) {
      const end = first + pages;
      for (let at = first; at < end; ) {
        const block = Math.floor(at / this.#block);
        const start = Math.floor(block / this.columns) * BLOCK_ROWS;
        const row = Math.floor((at % this.#block) / this.#row);
        numbers.add(start + row);
        at += this.#row - (at % this.#row);
      }
    }
    return [...numbers].sort((a, b) => a - b);
  }

  #firstOf(number: number): number {
    const row = number % BLOCK_ROWS;
    return Math.floor(number / BLOCK_ROWS) * this.columns * this.#block + row * this.#row;
  }
}

/** A multiple of a tile's height, so that points of all levels are in one grid. */
function gapHeight(height: number, gaps: number): number {
  const wish = height * Math.min(GAP, ALL_GAPS / Math.max(gaps, 1));
  return Math.max(1, Math.ceil(wish / TILE_HEIGHT)) * TILE_HEIGHT;
}

/** Columns of blocks from which the best is chosen: addresses of rows are round. */
const COLUMNS = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128];

/** The layout whose picture is the largest in an area of this size. */
export function bestLayout(extents: readonly Extent[], tiles: number, width: number, height: number): Layout {
  const tilesWide = tilesWideFor(tiles);
  const one = new Layout(extents, tilesWide, 1);
  if (tilesWide < MOST_TILES) return one;
  const scale = (layout: Layout): number => Math.min(width / layout.width, height / layout.height);
  const others = COLUMNS.map((columns) => new Layout(extents, tilesWide, columns));
  return others.reduce((best, layout) => (scale(layout) > scale(best) ? layout : best), one);
}
