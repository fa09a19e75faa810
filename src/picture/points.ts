// SPDX-License-Identifier: Apache-2.0
// Draws the classes of pages as points of colour.
import { TILE_PAGES } from '../html/format.js';
import type { Area, View } from './camera.js';
import { contextOf } from './canvas.js';
import type { Layout, Strip } from './layout.js';
import { LEVELS, pointsOf, pointsWide, TILE_HEIGHT, TILE_WIDTH, type Tiles } from './tiles.js';

/** Gives the classes of a tile's pages where `Tiles` does not have them. */
export type ExactTile = (tile: number) => Uint16Array;

/** A rectangle of points of one level: the first point, and how many. */
interface Window {
  readonly level: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** From this scale on, single pages of a guest that is too large for level 0 are shown. */
export const EXACT_SCALE = 2;

export class Points {
  readonly #canvas = document.createElement('canvas');
  readonly #context = contextOf(this.#canvas);
  #image = new ImageData(1, 1);

  constructor(
    readonly tiles: Tiles,
    readonly exact: ExactTile,
  ) {}

  /** Draws the part that the camera shows. `colours`: by class, as ABGR. */
  draw(context: CanvasRenderingContext2D, camera: View, layout: Layout, colours: Uint32Array): void {
    const window = this.#window(camera, layout);
    if (window.width <= 0 || window.height <= 0) return;
    this.#fill(window, layout, colours);
    const { k, x, y } = camera.transform;
    const side = k * 2 ** window.level;
    context.imageSmoothingEnabled = side * devicePixelRatio < 1;
    context.drawImage(
      this.#canvas,
      0,
      0,
      window.width,
      window.height,
      x + window.x * side,
      y + window.y * side,
      window.width * side,
      window.height * side,
    );
  }

  /** The level whose points are at least as large as those of the screen. */
  levelAt(scale: number): number {
    const wish = Math.ceil(-Math.log2(scale * devicePixelRatio));
    const level = Math.min(LEVELS - 1, Math.max(0, wish));
    return scale >= EXACT_SCALE ? level : Math.max(level, this.tiles.finest);
  }

  #window(camera: View, layout: Layout): Window {
    const level = this.levelAt(camera.scale);
    const { left, top, right, bottom }: Area = camera.area;
    const [from, to] = [camera.placeAt(left, top), camera.placeAt(right, bottom)];
    const side = 2 ** level;
    const x = Math.max(0, Math.floor(from.x / side));
    const y = Math.max(0, Math.floor(from.y / side));
    const width = Math.ceil(Math.min(to.x, layout.width) / side) - x;
    const height = Math.ceil(Math.min(to.y, layout.height) / side) - y;
    return { level, x, y, width, height };
  }

  #fill(window: Window, layout: Layout, colours: Uint32Array): void {
    const { width, height, level, x, y } = window;
    if (this.#image.width !== width || this.#image.height !== height) this.#image = new ImageData(width, height);
    const points = new Uint32Array(this.#image.data.buffer);
    points.fill(0);
    const side = 2 ** level;
    const columns = { from: Math.floor((x * side) / TILE_WIDTH), end: ((x + width) * side) / TILE_WIDTH };
    for (let i = Math.max(0, layout.stripBefore(y * side)); i < layout.strips.length; i++) {
      const strip = layout.strips[i] as Strip;
      if (strip.top >= (y + height) * side) break;
      for (let column = columns.from; column < columns.end; column++) {
        const tile = (strip.first + layout.offset(column * TILE_WIDTH)) / TILE_PAGES;
        const left = column * (TILE_WIDTH / side) - x;
        this.#tile(points, window, tile, { left, top: strip.top / side - y }, colours);
      }
    }
    if (this.#canvas.width < width) this.#canvas.width = width;
    if (this.#canvas.height < height) this.#canvas.height = height;
    this.#context.putImageData(this.#image, 0, 0);
  }

  /** Copies the points of a tile as far as they are in the window. */
  #tile(
    points: Uint32Array,
    { level, width, height }: Window,
    tile: number,
    { left, top }: { readonly left: number; readonly top: number },
    colours: Uint32Array,
  ): void {
    const index = this.tiles.index.of(tile);
    if (index === -1) return;
    const kept = level >= this.tiles.finest;
    const source = kept ? (this.tiles.levels[level] as Uint8Array) : this.exact(tile);
    const wide = pointsWide(level);
    const base = kept ? index * pointsOf(level) : 0;
    const [from, end] = [Math.max(0, -left), Math.min(wide, width - left)];
    const rows = Math.min(TILE_HEIGHT >> level, height - top);
    for (let row = Math.max(0, -top); row < rows; row++) {
      let target = (top + row) * width + left + from;
      const start = base + row * wide;
      for (let at = start + from; at < start + end; at++) points[target++] = colours[source[at] as number] as number;
    }
  }
}
