// SPDX-License-Identifier: Apache-2.0
// The levels of the picture, held against the pages themselves.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { TILE_PAGES } from '../../../src/html/format.js';
import { LEVELS, pointsOf, pointsWide, TILE_WIDTH, Tiles } from '../../../src/picture/tiles.js';
import { extentsOf, pagesOf, someRuns } from '../../build/picture.js';

/** Class 3 is loud. */
const LOUD = [false, false, false, true, false];
const STATES = ['mapped', 'swapped', 'poisoned'] as const;

/** The tiles of runs, whose class is 1, 2, 3 or 4; and the class of each page. */
function filled(list: Parameters<typeof extentsOf>[0], mostPoints?: number) {
  const number = (state: string): number => 1 + (STATES as readonly string[]).indexOf(state) || 4;
  const tiles = new Tiles(extentsOf(list), LOUD, mostPoints);
  for (const { first, pages, state } of list) tiles.fill(first, pages, number(state));
  tiles.finish();
  return { tiles, classes: new Map(pagesOf(list).map(({ page, run }) => [page, number(run.state)])) };
}

/** The pages of a point, as numbers in the tile. */
function pagesIn(level: number, point: number): number[] {
  const side = 2 ** level;
  const x = (point % pointsWide(level)) * side;
  const y = Math.floor(point / pointsWide(level)) * side;
  return Array.from({ length: side * side }, (_, i) => (y + Math.floor(i / side)) * TILE_WIDTH + x + (i % side));
}

test('a point has the class of one of its pages: a loud one if there is one, none only if it has no page', () => {
  fc.assert(
    fc.property(someRuns, fc.constantFrom(undefined, 1, 2000), (list, mostPoints) => {
      const { tiles, classes } = filled(list, mostPoints);
      const wrong: unknown[] = [];
      for (const tile of new Set([...classes.keys()].map((page) => Math.floor(page / TILE_PAGES))))
        for (let level = tiles.finest; level < LEVELS; level++)
          for (let point = 0; point < pointsOf(level); point++) {
            const index = tiles.index.of(tile);
            const found = tiles.levels[level]?.[index * pointsOf(level) + point];
            const inside = pagesIn(level, point).map((page) => classes.get(tile * TILE_PAGES + page) ?? 0);
            const right = inside.includes(3)
              ? [3]
              : inside.some((each) => each > 0)
                ? inside.filter((each) => each > 0)
                : [0];
            if (!right.includes(found as number)) wrong.push({ tile, level, point, found, right });
          }
      expect(wrong).toEqual([]);
    }),
    { numRuns: 40 },
  );
});

test('the page of a point is in it, and has its class', () => {
  fc.assert(
    fc.property(someRuns, (list) => {
      const { tiles, classes } = filled(list);
      const wrong: unknown[] = [];
      for (const tile of new Set([...classes.keys()].map((page) => Math.floor(page / TILE_PAGES))))
        for (let level = 0; level < LEVELS; level++)
          for (let point = 0; point < pointsOf(level); point++) {
            const index = tiles.index.of(tile);
            const page = tiles.pageOf(index, level, point);
            const found = tiles.levels[level]?.[index * pointsOf(level) + point];
            const isRight =
              pagesIn(level, point).includes(page) && (classes.get(tile * TILE_PAGES + page) ?? 0) === found;
            if (!isRight) wrong.push({ tile, level, point, page, found });
          }
      expect(wrong).toEqual([]);
    }),
    { numRuns: 40 },
  );
});

test('colours have about the share of points that they have of pages', () => {
  const pages = 64 * TILE_PAGES;
  const tiles = new Tiles([{ first: 0, pages }], LOUD);
  for (let page = 0; page < pages; page++) tiles.fill(page, 1, (page * 2654435761) % 2 ** 32 < 2 ** 32 / 10 ? 2 : 1);
  tiles.finish();
  for (const level of [1, 2, 3]) {
    const points = Array.from(tiles.levels[level] ?? []);
    const share = points.filter((number) => number === 2).length / points.length;
    expect(share).toBeGreaterThan(0.06);
    expect(share).toBeLessThan(0.14);
  }
});

test('a guest that is too large keeps coarser levels only, which are the same', () => {
  fc.assert(
    fc.property(someRuns, (list) => {
      const [all, some] = [filled(list).tiles, filled(list, 1).tiles];
      expect(some.finest).toBe(LEVELS - 1);
      expect(some.levels[LEVELS - 1]).toEqual(all.levels[LEVELS - 1]);
      expect(some.levels.slice(0, -1).map((points) => points.length)).toEqual([0, 0, 0, 0]);
    }),
    { numRuns: 40 },
  );
});
