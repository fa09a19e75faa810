// SPDX-License-Identifier: Apache-2.0
// A small memory for tests of dump formats.
import type { KdumpWish } from './files.js';

export const plainPage = (seed: number): Buffer => Buffer.alloc(4096, seed);

const PAGES = new Map<number, Uint8Array | null>([
  [1, plainPage(1)],
  [2, null],
  [3, plainPage(3)],
  [40, plainPage(40)],
  [41, plainPage(41)],
]);
export const WISH: KdumpWish = { version: 6, packing: 'zlib', pages: PAGES, frames: 64 };
/** Frames, and the results that `framesIn` must return for them. */
export const ASKED = [1, 2, 3, 40, 41, 50, 70];
export const RIGHT = [1, 'excluded', 3, 40, 41, 'outside', 'outside'];
