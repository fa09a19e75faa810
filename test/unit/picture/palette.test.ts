// SPDX-License-Identifier: Apache-2.0
// The colours of a legend can be told apart with every kind of colour vision. The simulations (Machado, Oliveira and
// Fernandes 2009) and the distance (CIEDE2000) are those of culori.
import { describe, expect, test } from '@jest/globals';
import {
  type Color,
  differenceCiede2000,
  filterDeficiencyDeuter,
  filterDeficiencyProt,
  filterDeficiencyTrit,
  parse,
} from 'culori';
import { STATES } from '../../../src/core/outcome.js';
import type { PageClass, Picture } from '../../../src/html/format.js';
import { type Colour, type Colouring, categoryOf, isLoud, legendOf } from '../../../src/picture/palette.js';

const page = (change: Partial<PageClass>): PageClass => ({
  ...{ state: 'mapped', reason: null, pageSize: 4096, protNone: false, node: 0, place: 'hpa', swap: null },
  ...{ mixed: false, pages: 1 },
  ...change,
});
const absent = { pageSize: null, node: null, place: null } as const;

/** All categories of a colouring: names and colours. */
const CLASSES: Readonly<Record<Colouring, readonly PageClass[]>> = {
  state: [
    ...STATES.map((state) => page({ state, ...(state === 'mapped' ? {} : absent) })),
    page({ protNone: true }),
    ...(['in-page-cache', 'shmem-swapped', 'page-cache-unreadable'] as const).map((reason) =>
      page({ state: 'not-present', reason, ...absent }),
    ),
  ],
  size: [...[4096, 2 ** 21, 2 ** 30].map((pageSize) => page({ pageSize })), page({ state: 'swapped', ...absent })],
  node: [
    ...Array.from({ length: 8 }, (_, node) => page({ node })),
    page({ node: null }),
    page({ state: 'swapped', ...absent }),
  ],
};

const VISIONS: Readonly<Record<string, (colour: Color) => Color>> = {
  normal: (colour) => colour,
  protanopia: filterDeficiencyProt(1),
  deuteranopia: filterDeficiencyDeuter(1),
  tritanopia: filterDeficiencyTrit(1),
};
/** Distances below 2 are hardly seen next to each other; areas that are apart need several times that. */
const APART = 15;

describe.each(Object.keys(CLASSES) as Colouring[])('by %s', (colouring) => {
  const colours = new Map<string, Colour>(
    CLASSES[colouring].map((each) => {
      const { name, colour } = categoryOf(each, colouring);
      return [name, colour];
    }),
  );

  test.each(['light', 'dark'] as const)('no two colours are near each other on a %s page', (theme) => {
    const distance = differenceCiede2000();
    const near: unknown[] = [];
    const list = [...colours].map(([name, colour]) => ({ name, colour: parse(colour[theme]) as Color }));
    for (const [vision, see] of Object.entries(VISIONS))
      for (const [i, a] of list.entries())
        for (const b of list.slice(i + 1)) {
          const value = distance(see(a.colour), see(b.colour));
          if (!(value >= APART)) near.push({ vision, between: [a.name, b.name], value });
        }
    expect(near).toEqual([]);
    expect(list.length).toBeGreaterThan(3);
  });
});

test('the legend has the categories that occur, with the bytes of all of their classes', () => {
  const classes = [
    page({ state: 'no-memslot', ...absent, pages: 99 }),
    page({ pages: 2 }),
    page({ pages: 3, node: 1 }),
    page({ pages: 5, protNone: true }),
    page({ pages: 7, state: 'swapped', ...absent }),
    page({ pages: 0, mixed: true }),
    page({ pages: 11, state: 'guest-memfd', reason: 'gmem-attribute-unreadable', ...absent }),
    page({ pages: 13, state: 'not-present', reason: 'address-space-gone', ...absent }),
  ];
  const picture: Picture = { classes, slots: [], extents: [], question: '', words: {}, placesEnd: null };
  const bytes = (colouring: Colouring) => legendOf(picture, colouring).map((entry) => [entry.name, entry.bytes / 4096]);
  expect(bytes('state')).toEqual([
    ['resident', 5],
    ['resident, PROT_NONE', 5],
    ['swapped', 7],
    ['not mapped, the process exited', 13],
    ['not known', 11],
  ]);
  expect(bytes('size')).toEqual([
    ['4 KiB', 10],
    ['not resident', 31],
  ]);
  expect(bytes('node')).toEqual([
    ['node 0', 7],
    ['node 1', 3],
    ['not resident', 31],
  ]);
});

test('memory of which nothing is known, and memory errors, are never hidden', () => {
  const loud = STATES.filter((state) => isLoud(page({ state, ...absent })));
  expect(loud).toEqual(['migrating', 'poisoned', 'table-missing', 'noncanonical', 'damaged', 'moved']);
  expect(isLoud(page({ state: 'guest-memfd', reason: 'gmem-attribute-unreadable', ...absent }))).toBe(true);
  expect(isLoud(page({ state: 'not-present', reason: 'page-cache-unreadable', ...absent }))).toBe(true);
  expect(isLoud(page({ state: 'not-present', reason: 'in-page-cache', ...absent }))).toBe(false);
  expect(isLoud(page({}))).toBe(false);
});
