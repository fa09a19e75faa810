// SPDX-License-Identifier: Apache-2.0
// What is drawn over the picture: gaps, selected pages, addresses in pages.
import { digitsOfPage } from '../report/hex.js';
import { size } from '../report/table.js';
import type { View } from './camera.js';
import type { Layout } from './layout.js';
import { FONT, INK, shade } from './theme.js';

/** Draws what is left out between rows. */
export function drawGaps(context: CanvasRenderingContext2D, { transform, area }: View, layout: Layout): void {
  context.font = FONT;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  const right = Math.min(area.right, transform.applyX(layout.width));
  for (const { top, height, first, end } of layout.gaps) {
    const [y, bottom] = [transform.applyY(top), transform.applyY(top + height)];
    if (bottom < area.top || y > area.bottom) continue;
    const middle = (Math.max(y, area.top) + Math.min(bottom, area.bottom)) / 2;
    context.fillStyle = shade(INK.text);
    const what = layout.columns === 1 ? `0x${digitsOfPage(first, 0)}-0x${digitsOfPage(end - 1, 0xfff)}, ` : '';
    const text = `no memory: ${what}${size((end - first) * 4096)}`;
    if (bottom - y >= 9) context.fillText(text, area.left + 4, middle);
    context.fillStyle = shade(INK.edge);
    const from = area.left + (bottom - y >= 9 ? context.measureText(text).width + 12 : 0);
    context.fillRect(from, Math.round(middle), Math.max(0, right - from), 1);
  }
}

/** Draws a frame around a page, and a circle where that would be too small to be seen. */
export function drawMark(
  context: CanvasRenderingContext2D,
  { transform, area }: View,
  place: { readonly x: number; readonly y: number },
  isStrong: boolean,
): void {
  const [x, y] = transform.apply([place.x, place.y]);
  const side = Math.max(transform.k, 3);
  if (x < area.left - side || x > area.right || y < area.top - side || y > area.bottom) return;
  const widths = isStrong ? [4, 2] : [3, 1];
  for (const [i, width] of widths.entries()) {
    context.strokeStyle = shade(i === 0 ? INK.background : INK.strong);
    context.lineWidth = width;
    context.strokeRect(x - 0.5, y - 0.5, side, side);
    if (!isStrong || transform.k >= 16) continue;
    context.beginPath();
    context.arc(x + side / 2, y + side / 2, 11, 0, 2 * Math.PI);
    context.stroke();
  }
}
