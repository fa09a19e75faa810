// SPDX-License-Identifier: Apache-2.0
import type { View } from './camera.js';
import type { Layout } from './layout.js';
import { FONT } from './theme.js';

/** Text in a page, and its colour. */
export interface Label {
  readonly text: string;
  readonly colour: string;
}

/** Scale from which pages have room for an address. */
const LABEL_SCALE = 84;

/** Writes a label in each page that is shown, if they are large enough. */
export function drawLabels(
  context: CanvasRenderingContext2D,
  { transform, area, placeAt, scale }: View,
  layout: Layout,
  labelOf: (page: number) => Label | null,
): void {
  if (scale < LABEL_SCALE) return;
  context.font = FONT;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  const [from, to] = [placeAt(area.left, area.top), placeAt(area.right, area.bottom)];
  for (let y = Math.floor(from.y); y < to.y; y++)
    for (let x = Math.floor(from.x); x < to.x; x++) {
      const page = layout.at(x, y);
      const label = page === null ? null : labelOf(page);
      if (label === null) continue;
      context.fillStyle = label.colour;
      context.fillText(label.text, transform.applyX(x + 0.5), transform.applyY(y + 0.5), scale - 6);
    }
}
