// SPDX-License-Identifier: Apache-2.0
// The classes of all pages, in the resolutions in which they are drawn.
import { type Extent, NOWHERE, TILE_PAGES } from '../html/format.js';
import { TileIndex } from './tile-index.js';

/** A tile is drawn as 32 by 16 pages. */
export const TILE_WIDTH = 32;
export const TILE_HEIGHT = TILE_PAGES / TILE_WIDTH;
/** At level n, from 0 on, a point is 2^n by 2^n pages. */
export const LEVELS = 5;
/** Points of the finest level that is kept, if it is not level 0: 1 byte each, or 2. */
const MOST_POINTS = 2 ** 28;

const SHORT = 16;

/** Points of a tile in a row of level n. */
export const pointsWide = (level: number): number => TILE_WIDTH >> level;
/** Points of a tile at level n. */
export const pointsOf = (level: number): number => TILE_PAGES >> (2 * level);

type Points = Uint8Array | Uint16Array;

/** Takes the classes of pages in ascending order, and makes the coarser levels of each tile. */
export class Tiles {
  readonly index: TileIndex;
  /** The finest level that is kept: 0, or more if the guest is too large. */
  readonly finest: number;
  /** Classes by level, from `finest` on: tile by tile, and in a tile row by row. */
  readonly levels: readonly Points[];
  /** For the levels that are not kept, the points of the tile that is being made. */
  readonly #work: readonly Points[];
  readonly #isLoud: Uint8Array;
  /** Index of the tile that is being made. */
  #current = -1;

  /** `isLoud`, by class: a point that has a page of such a class has its colour. */
  constructor(extents: readonly Extent[], isLoud: readonly boolean[], mostPoints = MOST_POINTS) {
    this.index = new TileIndex(extents);
    this.#isLoud = Uint8Array.from(isLoud, Number);
    const { count } = this.index;
    let finest = 0;
    while (finest < LEVELS - 1 && count * pointsOf(finest) > mostPoints) finest++;
    this.finest = finest;
    const make = (length: number): Points =>
      isLoud.length <= 0x100 ? new Uint8Array(length) : new Uint16Array(length);
    this.levels = Array.from({ length: LEVELS }, (_, n) => make(n < finest ? 0 : count * pointsOf(n)));
    this.#work = Array.from({ length: finest }, (_, n) => make(pointsOf(n)));
  }

  /** Sets the class of some pages, which come after those before. All are in the map. */
  fill(first: number, pages: number, number: number): void {
    const end = first + pages;
    for (let at = first; at < end; ) {
      const tile = Math.floor(at / TILE_PAGES);
      const next = Math.min(end, (tile + 1) * TILE_PAGES);
      this.#begin(this.index.of(tile));
      if (next - at === TILE_PAGES) this.#all(number);
      else this.#part(at % TILE_PAGES, next - at, number);
      at = next;
    }
  }

  /** Makes the coarser levels of the last tile. */
  finish(): void {
    this.#begin(-1);
  }

  /** The class of the point of the finest level that holds a page. */
  classAt(page: number): number {
    const index = this.index.of(Math.floor(page / TILE_PAGES));
    if (index === -1) return NOWHERE;
    const n = this.finest;
    const inTile = page % TILE_PAGES;
    const point = (Math.floor(inTile / TILE_WIDTH) >> n) * pointsWide(n) + ((inTile % TILE_WIDTH) >> n);
    return (this.levels[n] as Points)[index * pointsOf(n) + point] as number;
  }

  #begin(index: number): void {
    if (index === this.#current) return;
    if (this.#current !== -1) for (let n = 0; n + 1 < LEVELS; n++) this.#reduce(n);
    this.#current = index;
    this.#work[0]?.fill(NOWHERE);
  }

  #points(level: number): Points {
    return (level < this.finest ? this.#work[level] : this.levels[level]) as Points;
  }

  /** Where the points of the tile begin. */
  #base(level: number): number {
    return level < this.finest ? 0 : this.#current * pointsOf(level);
  }

  #part(from: number, pages: number, number: number): void {
    const points = this.#points(0);
    const base = this.#base(0) + from;
    // fill() takes longer for the short runs of a guest in small pages.
    if (pages > SHORT) points.fill(number, base, base + pages);
    else for (let i = base; i < base + pages; i++) points[i] = number;
  }

  /** The whole tile has one class. */
  #all(number: number): void {
    for (let n = this.finest; n < LEVELS; n++) this.#points(n).fill(number, this.#base(n), this.#base(n) + pointsOf(n));
    this.#current = -1;
  }

  /** Makes the points of level n + 1 from those of level n. */
  #reduce(n: number): void {
    const [from, to] = [this.#points(n), this.#points(n + 1)];
    const wide = pointsWide(n);
    const end = this.#base(n) + pointsOf(n);
    let target = this.#base(n + 1);
    let point = 0;
    for (let row = this.#base(n); row < end; row += 2 * wide)
      for (let at = row; at < row + wide; at += 2) {
        const a = from[at] as number;
        const b = from[at + 1] as number;
        const c = from[at + wide] as number;
        const d = from[at + wide + 1] as number;
        to[target++] = a === b && b === c && c === d ? a : this.#one(a, b, c, d, pick(this.#current, n, point));
        point++;
      }
  }

  /** One of four classes: a loud one, else that of the child `child`, or of the first that is in the map. */
  #one(a: number, b: number, c: number, d: number, child: number): number {
    const isLoud = this.#isLoud;
    if (isLoud[a] === 1) return a;
    if (isLoud[b] === 1) return b;
    if (isLoud[c] === 1) return c;
    if (isLoud[d] === 1) return d;
    const chosen = child < 2 ? (child === 0 ? a : b) : child === 2 ? c : d;
    return chosen !== NOWHERE ? chosen : a || b || c || d;
  }

  /** A page, as its number in the tile, that has the colour of a point of a level that is kept. */
  pageOf(index: number, level: number, point: number): number {
    let at = point;
    for (let n = level; n > 0; n--) {
      const wide = pointsWide(n - 1);
      const corner = 2 * wide * Math.floor(at / (wide / 2)) + 2 * (at % (wide / 2));
      at = corner + this.#childOf(index, n, at, corner);
    }
    return at;
  }

  /** Offset from `corner` of the point of level n - 1 whose class a point of level n has. */
  #childOf(index: number, n: number, point: number, corner: number): number {
    const wide = pointsWide(n - 1);
    const first = pick(index, n - 1, point);
    if (n <= this.finest) return childOffset(first, wide);
    const number = this.levels[n]?.[index * pointsOf(n) + point];
    const children = this.levels[n - 1] as Points;
    for (let i = 0; i < 4; i++) {
      const offset = childOffset((first + i) & 3, wide);
      if (children[index * pointsOf(n - 1) + corner + offset] === number) return offset;
    }
    return 0;
  }
}

const childOffset = (child: number, wide: number): number => (child & 1) + (child >> 1) * wide;

/** Which of its four points a point of the next level shows: as if by chance, but always the same. */
const pick = (index: number, level: number, point: number): number =>
  Math.imul(Math.imul(index, 0x2545f491) + Math.imul(point, 0x9e3779b1) + level, 0x85ebca6b) >>> 30;
