// SPDX-License-Identifier: Apache-2.0
// Reads the data of the page.
import { lowerBound } from '../core/search.js';
import { BLOCK, NOWHERE, PICTURE_ID, type Picture, type PictureSlot } from '../html/format.js';
import { bytesOf, eachPair } from './bytes.js';
import type { Place } from './describe.js';
import { isLoud } from './palette.js';
import { type BlockSource, Runs } from './runs.js';
import { Tiles } from './tiles.js';

/** The memory of a guest, as the page has it. */
export class Model {
  private constructor(
    readonly picture: Picture,
    readonly runs: Runs,
    readonly tiles: Tiles,
  ) {}

  /** Reads the page: states of all pages now, places when they are asked for. */
  static read(): Model {
    const picture = JSON.parse(document.getElementById(PICTURE_ID)?.textContent ?? '') as Picture;
    const { classes, extents } = picture;
    const runs = new Runs(blocks(), classes);
    const tiles = new Tiles(extents, classes.map(isLoud));
    for (const { first, states } of runs.blocks) fill(tiles, first, states());
    tiles.finish();
    return new Model(picture, runs, tiles);
  }

  /** What is known of an address. */
  placeAt(page: number, offset = 0): Place {
    return { page, offset, slot: this.slotOf(page), run: this.runs.find(page), isRead: isRead() };
  }

  /** The slot that holds a page; null for none. */
  slotOf(page: number): PictureSlot | null {
    const { slots } = this.picture;
    const found = slots[lowerBound(slots.length, (i) => (slots[i] as PictureSlot).first > page) - 1];
    return found !== undefined && page < found.first + found.pages ? found : null;
  }
}

function fill(tiles: Tiles, first: number, states: Uint8Array): void {
  let at = first;
  eachPair(states, (number, pages) => {
    if (number !== NOWHERE) tiles.fill(at, pages, number);
    at += pages;
  });
}

function blocks(): BlockSource[] {
  const places = document.getElementsByClassName(BLOCK.places);
  return Array.from(document.getElementsByClassName(BLOCK.states), (element, i) => ({
    first: Number(element.getAttribute(BLOCK.first)),
    pages: Number(element.getAttribute(BLOCK.pages)),
    states: () => bytesOf(element.textContent),
    places: () => (isRead() ? bytesOf(places[i]?.textContent ?? '') : null),
  }));
}

/** Whether the browser has read the page to its end, where the places are. */
export const isRead = (): boolean => document.readyState !== 'loading';

/** Calls `work` when the page has been read to its end. */
export function whenRead(work: () => void): void {
  if (isRead()) work();
  else document.addEventListener('DOMContentLoaded', work);
}
