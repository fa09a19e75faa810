// SPDX-License-Identifier: Apache-2.0
// The whole guest in small, with a frame around the part that is shown.

import { byId } from '../browser/elements.js';
import { type Camera, type View, viewOf } from './camera.js';
import { contextOf, fitToScreen } from './canvas.js';
import type { Painter } from './painter.js';
import { Points } from './points.js';
import { INK, shade } from './theme.js';

export class Overview {
  readonly #canvas = byId('overview', HTMLCanvasElement);
  readonly #context = contextOf(this.#canvas);
  /** The picture without the frame, which moves. */
  readonly #still = document.createElement('canvas');
  readonly #points: Points;

  constructor(
    readonly painter: Painter,
    readonly camera: Camera,
  ) {
    this.#points = new Points(painter.model.tiles, painter.points.exact);
    for (const event of ['pointerdown', 'pointermove'] as const)
      this.#canvas.addEventListener(event, ({ buttons, offsetX, offsetY }) => {
        if (buttons !== 1) return;
        const { x, y } = this.#view().placeAt(offsetX, offsetY);
        camera.centre(x, y);
      });
  }

  /** Draws all: the colours, the layout or the size have changed. */
  redraw(): void {
    fitToScreen(this.#canvas, this.#context);
    this.#still.width = this.#canvas.width;
    this.#still.height = this.#canvas.height;
    const context = contextOf(this.#still);
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    const { layout, colours } = this.painter;
    const view = this.#view();
    context.fillStyle = shade(INK.nothing);
    for (const { top } of layout.strips)
      context.fillRect(0, top * view.scale, layout.width * view.scale, 16 * view.scale + 0.5);
    this.#points.draw(context, view, layout, colours);
    this.move();
  }

  /** Draws the frame where the camera is. */
  move(): void {
    const context = this.#context;
    const { width, height } = this.#canvas;
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    context.drawImage(this.#still, 0, 0);
    context.restore();
    const { area, placeAt } = this.camera;
    const { layout } = this.painter;
    const { scale } = this.#view();
    const [from, to] = [placeAt(area.left, area.top), placeAt(area.right, area.bottom)];
    const [x, y] = [Math.max(0, from.x), Math.max(0, from.y)];
    const [right, bottom] = [Math.min(layout.width, to.x), Math.min(layout.height, to.y)];
    for (const [ink, line] of [
      [INK.background, 4],
      [INK.strong, 2],
    ] as const) {
      context.strokeStyle = shade(ink);
      context.lineWidth = line;
      context.strokeRect(
        x * scale + 1,
        y * scale + 1,
        Math.max(3, (right - x) * scale - 2),
        Math.max(3, (bottom - y) * scale - 2),
      );
    }
  }

  #view(): View {
    const { clientWidth, clientHeight } = this.#canvas;
    const { width, height } = this.painter.layout;
    return viewOf(Math.min(clientWidth / width, clientHeight / height), clientWidth, clientHeight);
  }
}
