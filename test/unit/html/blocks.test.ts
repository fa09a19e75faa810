// SPDX-License-Identifier: Apache-2.0
// What the page of `map --html` has of the runs, written by html/ and read by picture/.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Block, Encoder, type Limits } from '../../../src/html/blocks.js';
import type { PictureRun } from '../../../src/html/classes.js';
import { NOWHERE, type PageClass, TILE_PAGES } from '../../../src/html/format.js';
import { bytesOf } from '../../../src/picture/bytes.js';
import { type BlockSource, Runs } from '../../../src/picture/runs.js';
import { extentsOf, type OnePage, pagesOf, someRuns } from '../../build/picture.js';

const NO_LIMITS: Limits = { states: Infinity, places: Infinity };

const read = (bytes: Uint8Array): Uint8Array => bytesOf(Buffer.from(bytes).toString('base64'));
const source = ({ first, pages, states, places }: Block): BlockSource => ({
  first,
  pages,
  states: () => read(states),
  places: () => read(places),
});

function encoded(list: readonly PictureRun[], limits = NO_LIMITS) {
  const encoder = new Encoder(limits);
  const blocks = [...encoder.blocks(list)];
  return { encoder, blocks, runs: new Runs(blocks.map(source), encoder.classes), classes: encoder.classes };
}

const PARTS = ['state', 'reason', 'pageSize', 'protNone', 'node'] as const;
const isClassOf = (each: PageClass, run: PictureRun): boolean =>
  PARTS.every((name) => each[name] === run[name]) && each.swap?.type === run.swap?.type;
/** What pages of a class have in common. */
const kindOf = (run: PictureRun): string => JSON.stringify([...PARTS.map((name) => run[name]), run.swap?.type]);

describe('runs without limits', () => {
  test('each page has its state and its place, and no page has another', () => {
    fc.assert(
      fc.property(someRuns, (list) => {
        const { runs, classes, encoder } = encoded(list);
        const wrong = pagesOf(list).filter(({ page, run, place }) => {
          const found = runs.find(page);
          if (found === null || !isClassOf(classes[found.class] as PageClass, run)) return true;
          return (found.place === null ? null : found.place + page - found.first) !== place;
        });
        expect(wrong).toEqual([]);
        expect(encoder.runs).toBe(list.length);
        expect(encoder.extents).toEqual(extentsOf(list));
        expect({ places: encoder.placesEnd, states: encoder.statesEnd }).toEqual({ places: null, states: null });
      }),
    );
  });

  test('pages between and around the runs are nowhere', () => {
    fc.assert(
      fc.property(someRuns, fc.nat(4000), (list, by) => {
        const { runs } = encoded(list);
        const { first } = list[0] as PictureRun;
        const page = first - 100 + by;
        if (pagesOf(list).some((each) => each.page === page)) return;
        expect(runs.find(page)?.class ?? NOWHERE).toBe(NOWHERE);
      }),
    );
  });

  test('the classes count the pages', () => {
    fc.assert(
      fc.property(someRuns, (list) => {
        const { classes } = encoded(list);
        for (const each of classes.slice(1))
          expect(each.pages).toBe(list.filter((run) => isClassOf(each, run)).reduce((sum, run) => sum + run.pages, 0));
      }),
    );
  });

  test('many runs are in several blocks, which follow each other', () => {
    const single = {
      pages: 1,
      state: 'mapped',
      reason: null,
      pageSize: 4096,
      protNone: false,
      node: 0,
      swap: null,
    } as const;
    const count = 200_000;
    const list = Array.from({ length: count }, (_, first) => ({ ...single, first, frame: (first * 7919) % count }));
    const { blocks, runs } = encoded(list);
    expect(blocks.length).toBeGreaterThan(2);
    expect(blocks.map(({ first }) => first)).toEqual(
      blocks.map((_, i) => blocks.slice(0, i).reduce((sum, { pages }) => sum + pages, 0)),
    );
    for (const page of [0, 1, 65_535, 65_536, 65_537, 131_072, count - 1])
      expect(runs.find(page)).toMatchObject({ first: page, pages: 1, place: (page * 7919) % count });
    expect(runs.find(count)).toBeNull();
  });
});

describe('runs beyond a limit', () => {
  /** Blocks of few runs each, because the list is encoded again and again. */
  const long = fc.array(someRuns, { minLength: 1, maxLength: 1 }).map(([list]) => list as PictureRun[]);
  /** Enough runs of one page before the list for a first block. */
  const preceding = (list: readonly PictureRun[]): PictureRun[] => {
    const first = Math.ceil(0x10000 / TILE_PAGES) * TILE_PAGES;
    const run = list[0] as PictureRun;
    const head = Array.from({ length: first }, (_, page) => ({
      ...({ pages: 1, state: 'mapped', reason: null, pageSize: 4096, protNone: false, node: 0, swap: null } as const),
      first: page,
      frame: (page * 7919) % first,
    }));
    return [...head, ...list.map((each) => ({ ...each, first: each.first - run.first + first }))];
  };

  test('places are left out, but never wrong; states remain exact', () => {
    fc.assert(
      fc.property(long, (list) => {
        const all = preceding(list);
        const { runs, classes, encoder } = encoded(all, { states: Infinity, places: 1 });
        expect(encoder.placesEnd).toBe(0x10000);
        const wrong = pagesOf(all.slice(0x10000)).filter(({ page, run }) => {
          const found = runs.find(page);
          return found?.place !== null || !isClassOf(classes[found.class] as PageClass, run);
        });
        expect(wrong).toEqual([]);
        expect(runs.find(0xffff)?.place).not.toBeNull();
      }),
      { numRuns: 10 },
    );
  });

  test('states are those of most pages of 2 MiB, and are marked where others are among them', () => {
    fc.assert(
      fc.property(long, (list) => {
        const all = preceding(list);
        const { runs, classes, encoder } = encoded(all, { states: 1, places: Infinity });
        expect({ places: encoder.placesEnd, states: encoder.statesEnd }).toEqual({ places: 0x10000, states: 0x10000 });
        const tiles = new Map<number, OnePage[]>();
        for (const each of pagesOf(all.slice(0x10000))) {
          const tile = Math.floor(each.page / TILE_PAGES);
          tiles.set(tile, [...(tiles.get(tile) ?? []), each]);
        }
        const wrong = [...tiles.values()].flat().filter(({ page, run }) => {
          const found = runs.find(page);
          const of = classes[found?.class ?? NOWHERE] as PageClass;
          if (found?.place !== null) return true;
          return of.mixed ? of.place !== null || of.pages !== 0 : !isClassOf(of, run);
        });
        expect(wrong).toEqual([]);
        const mixed = [...tiles.values()].filter(
          ([each]) => (classes[runs.find((each as OnePage).page)?.class ?? NOWHERE] as PageClass).mixed,
        );
        expect(mixed.filter((pages) => new Set(pages.map(({ run }) => kindOf(run))).size === 1)).toEqual([]);
      }),
      { numRuns: 10 },
    );
  });
});
