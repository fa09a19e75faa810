// SPDX-License-Identifier: Apache-2.0
// What part of the picture is shown: zoom and pan, with d3-zoom.
import { select } from 'd3-selection';
import 'd3-transition';
import { type ZoomBehavior, type ZoomTransform, zoom, zoomIdentity } from 'd3-zoom';
import { isStill } from './theme.js';

/** The part of the canvas in which the picture is, in CSS pixels. */
export interface Area {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** How places in the picture, in pages, are mapped to places on a canvas, in CSS pixels. */
export interface View {
  readonly area: Area;
  readonly transform: ZoomTransform;
  /** CSS pixels of a page. */
  readonly scale: number;
  /** The place in the picture that is at a place of the canvas. */
  readonly placeAt: (x: number, y: number) => { x: number; y: number };
}

/** A view that begins at the corner of a canvas. */
export const viewOf = (scale: number, width: number, height: number): View => ({
  area: { left: 0, top: 0, right: width, bottom: height },
  transform: zoomIdentity.scale(scale),
  scale,
  placeAt: (x, y) => ({ x: x / scale, y: y / scale }),
});

/** CSS pixels of a page at the closest view, and at which a page that is searched for is shown. */
const CLOSEST = 112;
const CLOSE = 24;
const FLIGHT = 700;

type Point = [number, number];

/** The view that the reader moves. */
export class Camera implements View {
  area: Area = { left: 0, top: 0, right: 1, bottom: 1 };
  transform: ZoomTransform = zoomIdentity;
  readonly #canvas: HTMLCanvasElement;
  readonly #zoom: ZoomBehavior<HTMLCanvasElement, unknown>;
  #size: Point = [1, 1];

  constructor(canvas: HTMLCanvasElement, changed: () => void) {
    this.#canvas = canvas;
    this.#zoom = zoom<HTMLCanvasElement, unknown>()
      .extent(() => [
        [this.area.left, this.area.top],
        [this.area.right, this.area.bottom],
      ])
      .constrain((transform) => this.#held(transform))
      .on('zoom', ({ transform }: { transform: ZoomTransform }) => {
        this.transform = transform;
        changed();
      });
    select(canvas).call(this.#zoom);
  }

  get scale(): number {
    return this.transform.k;
  }

  /** The scale at which the whole picture is shown. */
  get whole(): number {
    const { left, top, right, bottom } = this.area;
    const [width, height] = this.#size;
    return Math.min((right - left) / width, (bottom - top) / height, CLOSEST);
  }

  /** Sets the area on the canvas and the size of the picture in pages. The whole picture is shown if it was before. */
  resize(area: Area, width: number, height: number): void {
    const wasWhole = this.scale <= this.whole;
    this.area = area;
    this.#size = [width, height];
    this.#zoom.scaleExtent([this.whole, CLOSEST]);
    if (wasWhole) this.#go(this.#wholeTransform(), false);
    else this.#zoom.scaleTo(select(this.#canvas), Math.max(this.scale, this.whole));
  }

  readonly placeAt = (x: number, y: number): { x: number; y: number } => ({
    x: this.transform.invertX(x),
    y: this.transform.invertY(y),
  });

  zoomBy(factor: number, at?: Point): void {
    this.#zoom.scaleBy(select(this.#canvas), factor, at);
  }

  showWhole(): void {
    this.#go(this.#wholeTransform(), true);
  }

  /** Brings a place to the middle, close enough to see single pages. */
  flyTo(x: number, y: number): void {
    this.#go(this.#centred(x, y, Math.max(this.scale, CLOSE)), true);
  }

  /** Moves just as far as is needed to show a place. */
  reveal(x: number, y: number): void {
    const { left, top, right, bottom } = this.area;
    const margin = Math.min(40, (right - left) / 4, (bottom - top) / 4);
    const [sx, sy] = this.transform.apply([x, y]);
    const dx = Math.max(left + margin - sx, 0) + Math.min(right - margin - sx, 0);
    const dy = Math.max(top + margin - sy, 0) + Math.min(bottom - margin - sy, 0);
    if (dx !== 0 || dy !== 0) this.#zoom.translateBy(select(this.#canvas), dx / this.scale, dy / this.scale);
  }

  /** Moves a place to the middle without a change of scale. */
  centre(x: number, y: number): void {
    this.#go(this.#centred(x, y, this.scale), false);
  }

  #wholeTransform(): ZoomTransform {
    return zoomIdentity.translate(this.area.left, this.area.top).scale(this.whole);
  }

  #centred(x: number, y: number, scale: number): ZoomTransform {
    const { left, top, right, bottom } = this.area;
    const middle = zoomIdentity.translate((left + right) / 2, (top + bottom) / 2);
    return this.#held(middle.scale(scale).translate(-x, -y));
  }

  /** The nearest transform that leaves no empty space where there is more of the picture. */
  #held({ x, y, k }: ZoomTransform): ZoomTransform {
    const { left, top, right, bottom } = this.area;
    const [width, height] = this.#size;
    return zoomIdentity.translate(held(x, left, right, width * k), held(y, top, bottom, height * k)).scale(k);
  }

  #go(target: ZoomTransform, isFlight: boolean): void {
    const canvas = select(this.#canvas);
    if (isFlight && !isStill()) this.#zoom.transform(canvas.transition().duration(FLIGHT), target);
    else this.#zoom.transform(canvas.interrupt(), target);
  }
}

/** A translation that leaves no empty space at the start, nor at the end of a picture larger than the area. */
const held = (wish: number, start: number, end: number, size: number): number =>
  Math.min(start, Math.max(wish, Math.min(start, end - size)));
