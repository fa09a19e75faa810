// SPDX-License-Identifier: Apache-2.0
// The canvas: its size, the pointer, the keys, and the selected page.

import { byId } from '../browser/elements.js';
import { TILE_PAGES } from '../html/format.js';
import { size } from '../report/table.js';
import { Camera } from './camera.js';
import type { Details } from './details.js';
import { bestLayout } from './layout.js';
import type { Model } from './model.js';
import { Overview } from './overview.js';
import { Painter } from './painter.js';
import { rulerSize } from './rulers.js';
import { onTheme } from './theme.js';
import { pointsWide, TILE_WIDTH } from './tiles.js';

export class Stage {
  readonly canvas = byId('picture', HTMLCanvasElement);
  readonly camera: Camera;
  readonly painter: Painter;
  readonly #overview: Overview;
  readonly #ruler: { left: number; top: number };

  constructor(
    readonly model: Model,
    readonly details: Details,
  ) {
    const { extents } = model.picture;
    const last = extents.at(-1);
    this.#ruler = rulerSize(last === undefined ? 0 : last.first + last.pages - 1);
    this.camera = new Camera(this.canvas, () => {
      this.#moved();
    });
    this.painter = new Painter(this.canvas, model, this.camera, this.#layout());
    this.#overview = new Overview(this.painter, this.camera);
    new ResizeObserver(() => {
      this.#resize();
    }).observe(this.canvas);
    onTheme(() => {
      this.recolour({});
    });
    this.#resize();
  }

  /** Changes what the colours show. */
  recolour(change: Parameters<Painter['setLook']>[0]): void {
    this.painter.setLook(change);
    this.#overview.redraw();
  }

  /** Selects an address, and shows it. */
  select(page: number, offset = 0, isFlight = false): void {
    this.painter.setLook({ selected: page });
    this.details.show(page, offset);
    const place = this.painter.layout.placeOf(page);
    if (place === null) return;
    if (isFlight) this.camera.flyTo(place.x, place.y);
    else this.camera.reveal(place.x, place.y);
  }

  deselect(): void {
    this.painter.setLook({ selected: null });
    this.details.clear();
  }

  /** The page whose colour the point at a place of the canvas has; null outside of the picture. */
  pageAt(x: number, y: number): number | null {
    const { left, top, right, bottom } = this.camera.area;
    if (x < left || x >= right || y < top || y >= bottom) return null;
    const place = this.camera.placeAt(x, y);
    const page = this.painter.layout.at(place.x, place.y);
    if (page === null) return null;
    const { tiles } = this.model;
    const level = this.painter.points.levelAt(this.camera.scale);
    const index = tiles.index.of(Math.floor(page / TILE_PAGES));
    if (level === 0 || index === -1 || level < tiles.finest) return page;
    const inTile = page % TILE_PAGES;
    const row = Math.floor(inTile / TILE_WIDTH) >> level;
    const point = row * pointsWide(level) + ((inTile % TILE_WIDTH) >> level);
    return page - inTile + tiles.pageOf(index, level, point);
  }

  #layout(): ReturnType<typeof bestLayout> {
    const { clientWidth, clientHeight } = this.canvas;
    const { left, top } = this.#ruler;
    return bestLayout(
      this.model.picture.extents,
      this.model.tiles.index.count,
      Math.max(1, clientWidth - left),
      Math.max(1, clientHeight - top),
    );
  }

  #resize(): void {
    const { clientWidth, clientHeight } = this.canvas;
    const { left, top } = this.#ruler;
    // The canvas is not shown, for example on paper.
    if (clientWidth <= left || clientHeight <= top) return;
    const layout = this.#layout();
    this.painter.layout = layout;
    this.camera.resize({ left, top, right: clientWidth, bottom: clientHeight }, layout.width, layout.height);
    this.painter.draw();
    this.#overview.redraw();
  }

  #moved(): void {
    this.painter.request();
    this.#overview.move();
    byId('scale', HTMLElement).textContent = scaleText(this.camera.scale);
  }
}

/** How large memory is in the picture. */
function scaleText(scale: number): string {
  if (scale >= 1) return `A page of 4 KiB is a square of ${scale.toFixed(1)} pixels.`;
  const pages = 1 / (scale * scale);
  return `A pixel is ${size(Math.round(pages * 4096))}, about ${Math.round(pages)} pages.`;
}
