// SPDX-License-Identifier: Apache-2.0
// Draws the picture, at most once for each frame of the screen.
import { NOWHERE } from '../html/format.js';
import { digitsOfPage } from '../report/hex.js';
import type { Camera } from './camera.js';
import { contextOf, fitToScreen } from './canvas.js';
import { drawGrid } from './grid.js';
import { drawLabels, type Label } from './labels.js';
import type { Layout, Strip } from './layout.js';
import { LeafFinder } from './leaves.js';
import { drawGaps, drawMark } from './marks.js';
import type { Model } from './model.js';
import { type Colouring, categoryOf, channels, textOn } from './palette.js';
import { Points } from './points.js';
import { drawRulers } from './rulers.js';
import { INK, shade } from './theme.js';
import { TILE_HEIGHT } from './tiles.js';

/** What of the picture does not come from the camera. */
export interface Look {
  readonly colouring: Colouring;
  /** Keys of the categories to show; others are faint. Empty shows all. */
  readonly shown: ReadonlySet<string>;
  /** Pages with a mark. */
  readonly selected: number | null;
  readonly pointed: number | null;
}

/** How much of its colour a category keeps that is not shown. */
const FAINT = 0.12;

export class Painter {
  readonly points: Points;
  readonly #context: CanvasRenderingContext2D;
  readonly #leaves: LeafFinder;
  #colours = new Uint32Array(0);
  #texts: readonly string[] = [];
  #pending = 0;
  #look: Look = { colouring: 'state', shown: new Set(), selected: null, pointed: null };

  constructor(
    readonly canvas: HTMLCanvasElement,
    readonly model: Model,
    readonly camera: Camera,
    public layout: Layout,
  ) {
    this.#context = contextOf(canvas);
    this.#leaves = new LeafFinder(model);
    this.points = new Points(model.tiles, (tile) => this.#leaves.classesOf(tile));
    this.setLook({});
  }

  get look(): Look {
    return this.#look;
  }

  /** The colours of the classes, for `Points`. */
  get colours(): Uint32Array {
    return this.#colours;
  }

  /** Changes the look, and draws. */
  setLook(change: Partial<Look>): void {
    this.#look = { ...this.#look, ...change };
    this.#mix();
    this.request();
  }

  /** Draws soon. */
  readonly request = (): void => {
    if (this.#pending !== 0) return;
    this.#pending = requestAnimationFrame(() => {
      this.#pending = 0;
      this.draw();
    });
  };

  /** Draws now. */
  draw(): void {
    const context = this.#context;
    const { camera, layout, canvas } = this;
    fitToScreen(canvas, context);
    context.fillStyle = shade(INK.background);
    context.fillRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    context.save();
    const { left, top, right, bottom } = camera.area;
    context.beginPath();
    context.rect(left, top, right - left, bottom - top);
    context.clip();
    this.#ground();
    this.points.draw(context, camera, layout, this.#colours);
    context.fillStyle = shade(INK.line);
    drawGrid(context, camera, layout, this.#leaves.leafOf);
    drawLabels(context, camera, layout, this.#label);
    drawGaps(context, camera, layout);
    for (const page of [this.#look.pointed, this.#look.selected]) this.#mark(page);
    context.restore();
    drawRulers(context, camera, layout);
  }

  readonly #label = (page: number): Label | null => {
    const run = this.model.runs.find(page);
    const kind = run === null ? null : this.model.picture.classes[run.class]?.place;
    if (run === null || run.place === null || kind === null) return null;
    const place = run.place + page - run.first;
    return {
      text: kind === 'swap' ? `swap ${place}` : digitsOfPage(place, 0),
      colour: this.#texts[run.class] as string,
    };
  };

  #mark(page: number | null): void {
    const place = page === null ? null : this.layout.placeOf(page);
    if (place !== null) drawMark(this.#context, this.camera, place, page === this.#look.selected);
  }

  /** The rows, where nothing is in them. */
  #ground(): void {
    const { transform, area } = this.camera;
    const { strips, width } = this.layout;
    this.#context.fillStyle = shade(INK.nothing);
    const to = this.camera.placeAt(0, area.bottom).y;
    for (let i = Math.max(0, this.layout.stripBefore(this.camera.placeAt(0, area.top).y)); i < strips.length; i++) {
      const { top } = strips[i] as Strip;
      if (top > to) break;
      this.#context.fillRect(transform.x, transform.applyY(top), width * transform.k, TILE_HEIGHT * transform.k + 0.5);
    }
  }

  /** Computes the colour of each class. */
  #mix(): void {
    const { colouring, shown } = this.#look;
    const ground = channels(shade(INK.nothing));
    const { classes } = this.model.picture;
    const mixed = classes.map((each, number) => {
      const { key, colour } = categoryOf(each, colouring);
      if (number === NOWHERE) return null;
      const part = shown.size === 0 || shown.has(key) ? 1 : FAINT;
      return channels(shade(colour)).map((value, i) => Math.round(value * part + (ground[i] as number) * (1 - part)));
    });
    this.#colours = Uint32Array.from(mixed, (parts) =>
      parts === null ? 0 : packed(parts as [number, number, number]),
    );
    this.#texts = mixed.map((parts) => textOn(parts ?? ground));
  }
}

/** A colour as ImageData has it in a word, on the little-endian machines that browsers run on. */
const packed = ([red, green, blue]: readonly [number, number, number]): number =>
  ((0xff << 24) | (blue << 16) | (green << 8) | red) >>> 0;
