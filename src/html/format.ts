// SPDX-License-Identifier: Apache-2.0
// The data in the page of `map --html`, for the program that writes it and for the script in the page that reads it.
import type { State } from '../core/outcome.js';

/**
 * The attributes and classes of the elements that hold the texts of a block.
 *
 * Runs are in blocks, in ascending order. A block is two texts, each base64 of a raw deflate stream of variable-length
 * integers (LEB128, 7 bits a byte, the lowest first):
 *
 * - states: for each stretch of pages of one class, the number of the class and the number of pages;
 * - places: for each run in the stretches whose class has places, the number of pages, and the place of the first page
 *   minus that which would continue the run before (0 for the first one), in zigzag form: 2n, or -2n - 1 below 0. Empty
 *   if no class of the block has places, or if places were left out.
 *
 * Stretches are not cut where the places of their pages do not follow each other; runs are.
 */
export const BLOCK = { states: 'states', places: 'places', first: 'data-first', pages: 'data-pages' } as const;
/** The id of the element that holds the `Picture`. */
export const PICTURE_ID = 'picture-data';

/** The class of pages that are not in the map: in no memslot, or not asked for. */
export const NOWHERE = 0;
/** Pages whose page-table entries are in one table (2 MiB). They are drawn as one tile, and mixed classes fill tiles. */
export const TILE_PAGES = 512;

/** What pages have in common. The array index is the number of the class. */
export interface PageClass {
  readonly state: State;
  readonly reason: string | null;
  readonly pageSize: number | null;
  readonly protNone: boolean;
  readonly node: number | null;
  /** What the place of a page is: its HPA, its offset in swap, or its frame although it is not mapped. */
  readonly place: 'hpa' | 'swap' | 'entry' | null;
  /** The swap area; null unless it has been swapped out. */
  readonly swap: { readonly type: number; readonly device: string | null } | null;
  /** Most pages of a stretch have this class, the others another one: the exact classes were left out. */
  readonly mixed: boolean;
  /** Pages of this class in the map, also where a stretch of a mixed class contains them; 0 for mixed classes. */
  readonly pages: number;
}

/** A memslot in the page. Page numbers are addresses divided by 4096. */
export interface PictureSlot {
  readonly id: number;
  readonly first: number;
  readonly pages: number;
  /** Virtual page number of the first page. */
  readonly page: number;
  readonly backing: string;
}

/** Guest frames from `first` on that follow each other and are all in the map. */
export interface Extent {
  readonly first: number;
  readonly pages: number;
}

/** The data of a page, apart from the runs. */
export interface Picture {
  readonly classes: readonly PageClass[];
  /** Ascending. */
  readonly slots: readonly PictureSlot[];
  /** Ascending; they do not touch. */
  readonly extents: readonly Extent[];
  /** The command line that translates an address of this VM, to which the address is added. */
  readonly question: string;
  /** Words for the states. */
  readonly words: Readonly<Partial<Record<string, string>>>;
  /** First guest frame whose place may have been left out because there are too many; null if none was. */
  readonly placesEnd: number | null;
}
