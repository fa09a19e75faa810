// SPDX-License-Identifier: Apache-2.0
// The edges of the picture: the address of the first page of a row on the left, what is added to it on the top.
import { digitsOfPage } from '../report/hex.js';
import type { View } from './camera.js';
import type { Layout, Strip } from './layout.js';
import { FONT, INK, shade } from './theme.js';
import { TILE_HEIGHT } from './tiles.js';

/** Least distance of labels, in CSS pixels. */
const ROWS_APART = 22;
const GAP = 8;
/** Width of a digit of `FONT`. */
const DIGIT = 6.7;

/** Room for the labels on the left and on the top, for addresses below `last` (a page number). */
export const rulerSize = (last: number): { left: number; top: number } => ({
  left: Math.ceil((digitsOfPage(last, 0xfff).length + 2) * DIGIT) + 2 * GAP,
  top: 24,
});

/** Draws the labels on both edges. */
export function drawRulers(context: CanvasRenderingContext2D, view: View, layout: Layout): void {
  context.font = FONT;
  context.fillStyle = shade(INK.text);
  context.textBaseline = 'top';
  drawRows(context, view, layout);
  drawOffsets(context, view, layout);
}

function drawRows(context: CanvasRenderingContext2D, { transform, area, placeAt }: View, layout: Layout): void {
  const [from, to] = [placeAt(0, area.top).y, placeAt(0, area.bottom).y];
  const step = stepFor(ROWS_APART / transform.k);
  context.textAlign = 'right';
  let free = area.top;
  for (let i = Math.max(0, layout.stripBefore(from)); i < layout.strips.length; i++) {
    const strip = layout.strips[i] as Strip;
    if (strip.top > to) break;
    const isStart = i === 0 || (layout.strips[i - 1] as Strip).top + TILE_HEIGHT !== strip.top;
    if (!isStart && step > TILE_HEIGHT && strip.top % step !== 0) continue;
    for (let row = 0; row < TILE_HEIGHT; row += step) {
      const y = transform.applyY(strip.top + row);
      if (y < free || y > area.bottom - 12) continue;
      const text = `0x${digitsOfPage(layout.at(0, strip.top + row) ?? strip.first, 0)}`;
      context.fillText(text, area.left - GAP, y + 1);
      free = y + ROWS_APART - 8;
    }
  }
}

function drawOffsets(context: CanvasRenderingContext2D, { transform, area, placeAt }: View, layout: Layout): void {
  const [from, to] = [placeAt(area.left, 0).x, Math.min(placeAt(area.right, 0).x, layout.width)];
  const widest = (digitsOfPage(layout.offset(layout.width - 1), 0).length + 3) * DIGIT + 2 * GAP;
  const step = stepFor(widest / transform.k);
  context.textAlign = 'left';
  for (let x = Math.max(0, Math.ceil(from / step) * step); x < to; x += step) {
    const at = transform.applyX(x);
    const text = `+0x${digitsOfPage(layout.offset(x), 0)}`;
    if (at + text.length * DIGIT > area.right) break;
    context.fillText(text, at, area.top - 16);
    context.fillRect(at, area.top - 4, 1, 4);
  }
}

/** The least power of two that is not below `wish`. */
const stepFor = (wish: number): number => 2 ** Math.max(0, Math.ceil(Math.log2(wish)));
