// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Extent } from '../../../src/html/format.js';
import { bestLayout, Layout, tilesWideFor } from '../../../src/picture/layout.js';
import { TileIndex } from '../../../src/picture/tile-index.js';

const GIB = 2 ** 18;

/** Extents of up to some GiB, with small and large gaps. */
const extents = fc
  .array(
    fc.tuple(
      fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 40 * GIB })),
      fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 3 * GIB })),
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((steps) => {
    let at = 0;
    return steps.map(([gap, pages], i): Extent => {
      const first = at + (i === 0 ? gap - 1 : gap);
      at = first + pages;
      return { first, pages };
    });
  });
const columns = fc.constantFrom(1, 2, 3, 8);
const tilesWide = fc.constantFrom(1, 2, 8, 16);

/** Some pages of the extents: ends, and others. */
const somePages = (list: readonly Extent[], parts: readonly number[]): number[] =>
  list.flatMap(({ first, pages }) => [
    first,
    first + pages - 1,
    ...parts.map((part) => first + Math.floor(part * (pages - 1))),
  ]);
const parts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 });

test('each page of the map has one place, at which it is found again', () => {
  fc.assert(
    fc.property(extents, tilesWide, columns, parts, (list, wide, count, inside) => {
      const layout = new Layout(list, wide, count);
      const pages = [...new Set(somePages(list, inside))];
      const places = pages.map((page) => layout.placeOf(page));
      expect(places).not.toContain(null);
      expect(places.map((place) => layout.at(place?.x ?? -1, place?.y ?? -1))).toEqual(pages);
      expect(new Set(places.map((place) => `${place?.x} ${place?.y}`)).size).toBe(pages.length);
      for (const place of places) {
        expect(place?.x).toBeLessThan(layout.width);
        expect(place?.y).toBeLessThan(layout.height);
      }
    }),
  );
});

test('the address of a page is that of the start of its row plus an offset that depends on x alone', () => {
  fc.assert(
    fc.property(extents, tilesWide, columns, parts, (list, wide, count, inside) => {
      const layout = new Layout(list, wide, count);
      for (const page of somePages(list, inside)) {
        const { x, y } = layout.placeOf(page) as { x: number; y: number };
        expect((layout.at(0, y) as number) + layout.offset(x)).toBe(page);
      }
    }),
  );
});

test('what is left out has no memory, and is between the rows around it', () => {
  fc.assert(
    fc.property(extents, tilesWide, (list, wide) => {
      const layout = new Layout(list, wide, 1);
      for (const { first, end, top, height } of layout.gaps) {
        expect(list.filter((extent) => extent.first < end && extent.first + extent.pages > first)).toEqual([]);
        expect(layout.at(0, top)).toBeNull();
        expect(layout.at(0, top + height)).toBe(end);
      }
      const wholeRows = layout.strips.length * wide * 512;
      const left = layout.gaps.reduce((sum, { first, end }) => sum + end - first, 0);
      expect(wholeRows + left).toBe((layout.strips.at(-1)?.first ?? 0) + wide * 512 - (layout.strips[0]?.first ?? 0));
    }),
  );
});

describe('the best layout', () => {
  const best = (bytes: number, width: number, height: number): Layout => {
    const list = [{ first: 0, pages: bytes / 4096 }];
    return bestLayout(list, new TileIndex(list).count, width, height);
  };
  test.each([
    ['16 MiB', 2 ** 24, 2],
    ['160 MiB', 160 * 2 ** 20, 8],
    ['1 GiB', 2 ** 30, 16],
    ['256 GiB', 2 ** 38, 16],
  ])('%s has rows of tiles that make no line of the picture', (_name, bytes, wide) => {
    expect(tilesWideFor(bytes / 2 ** 21)).toBe(wide);
    const { width, height } = best(bytes, 1000, 700);
    expect(width / height).toBeGreaterThan(0.4);
    expect(width / height).toBeLessThan(4);
  });

  test('a large guest has a row of GiB blocks of a round size, as many as the area is wide for', () => {
    expect(best(2 ** 38, 1000, 700).columns).toBe(16);
    expect(best(2 ** 38, 2800, 700).columns).toBe(32);
    expect(best(2 ** 38, 300, 1200).columns).toBe(8);
  });
});
