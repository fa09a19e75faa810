// SPDX-License-Identifier: Apache-2.0
// Lines between pages, tiles and blocks. There are none inside of a huge page, which so is one area.
import { TILE_PAGES } from '../html/format.js';
import type { View } from './camera.js';
import type { Layout, Strip } from './layout.js';
import { TILE_HEIGHT, TILE_WIDTH } from './tiles.js';

/** Scales from which the lines between pages and between tiles are drawn. */
const PAGE_LINES = 5;
const TILE_LINES = 0.7;
/** Width of a block from which there are lines between blocks, in CSS pixels. */
const BLOCK_LINES = 24;

/** Where a leaf of the host's page tables begins, as a virtual page number, and its pages; null for small and for no pages. */
export type Leaf = { readonly first: number; readonly pages: number } | null;
export type LeafOf = (page: number) => Leaf;

const isSame = (a: Leaf, b: Leaf): boolean => a !== null && b !== null && a.first === b.first && a.pages === b.pages;

/** Draws the lines of the tiles that the camera shows. */
export function drawGrid(
  context: CanvasRenderingContext2D,
  { transform: { k, x, y }, area, placeAt }: View,
  layout: Layout,
  leafOf: LeafOf,
): void {
  if (k < TILE_LINES) {
    drawBlocks(context, { k, x, y }, layout);
    return;
  }
  const [from, to] = [placeAt(area.left, area.top), placeAt(area.right, area.bottom)];
  const end = Math.min(to.x, layout.width);
  for (let i = Math.max(0, layout.stripBefore(from.y)); i < layout.strips.length; i++) {
    const strip = layout.strips[i] as Strip;
    if (strip.top > to.y) break;
    for (let left = Math.max(0, Math.floor(from.x / TILE_WIDTH)) * TILE_WIDTH; left < end; left += TILE_WIDTH) {
      const first = strip.first + layout.offset(left);
      const pen = new Pen(context, { k, x: x + left * k, y: y + strip.top * k });
      tileLines(pen, first, leafOf, layout.at(left + TILE_WIDTH, strip.top), layout.at(left, strip.top + TILE_HEIGHT));
    }
  }
}

/** Draws the lines between blocks, where tiles are too small for lines. */
function drawBlocks(context: CanvasRenderingContext2D, { k, x, y }: Pen['at'], layout: Layout): void {
  const wide = layout.tilesWide * TILE_WIDTH;
  if (wide * k < BLOCK_LINES) return;
  for (let column = wide; column < layout.width; column += wide)
    for (const [top, bottom] of layout.parts())
      context.fillRect(sharp(x + column * k) - 1, y + top * k, 1, (bottom - top) * k);
  for (const { top, isBlockStart } of layout.strips)
    if (isBlockStart) context.fillRect(x, sharp(y + top * k) - 1, layout.width * k, 1);
}

/** Draws lines from a corner. */
class Pen {
  constructor(
    readonly context: CanvasRenderingContext2D,
    readonly at: { readonly k: number; readonly x: number; readonly y: number },
  ) {}

  /** A line on the right of column `column`, from row `row` on. */
  right(column: number, row: number, rows: number, width: number): void {
    const { k, x, y } = this.at;
    this.context.fillRect(sharp(x + (column + 1) * k) - width, y + row * k, width, rows * k);
  }

  /** A line below row `row`, from column `column` on. */
  below(row: number, column: number, columns: number, width: number): void {
    const { k, x, y } = this.at;
    this.context.fillRect(x + column * k, sharp(y + (row + 1) * k) - width, columns * k, width);
  }
}

/** The nearest edge of a pixel of the screen. */
const sharp = (at: number): number => Math.round(at * devicePixelRatio) / devicePixelRatio;

function tileLines(pen: Pen, first: number, leafOf: LeafOf, right: number | null, below: number | null): void {
  const [start, end] = [leafOf(first), leafOf(first + TILE_PAGES - 1)];
  const isOne = isSame(start, end) && (start as { pages: number }).pages >= TILE_PAGES;
  const width = pen.at.k < PAGE_LINES ? 1 : 2;
  if (right !== null && !isSame(end, leafOf(right))) pen.right(TILE_WIDTH - 1, 0, TILE_HEIGHT, width);
  if (below !== null && !isSame(end, leafOf(below))) pen.below(TILE_HEIGHT - 1, 0, TILE_WIDTH, width);
  if (isOne || pen.at.k < PAGE_LINES) return;
  if (start === null && end === null) plainLines(pen);
  else mixedLines(pen, first, leafOf);
}

/** A tile without huge pages. Huge pages have 512 pages at least, so one is at the start or at the end. */
function plainLines(pen: Pen): void {
  for (let column = 0; column < TILE_WIDTH - 1; column++) pen.right(column, 0, TILE_HEIGHT, 1);
  for (let row = 0; row < TILE_HEIGHT - 1; row++) pen.below(row, 0, TILE_WIDTH, 1);
}

/** A tile in which a huge page begins or ends. */
function mixedLines(pen: Pen, first: number, leafOf: LeafOf): void {
  for (let page = 0; page < TILE_PAGES; page++) {
    const [column, row] = [page % TILE_WIDTH, Math.floor(page / TILE_WIDTH)];
    const leaf = leafOf(first + page);
    if (column < TILE_WIDTH - 1 && !isSame(leaf, leafOf(first + page + 1))) pen.right(column, row, 1, 1);
    if (row < TILE_HEIGHT - 1 && !isSame(leaf, leafOf(first + page + TILE_WIDTH))) pen.below(row, column, 1, 1);
  }
}
