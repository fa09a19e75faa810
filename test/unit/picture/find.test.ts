// SPDX-License-Identifier: Apache-2.0
// What the search field finds, and what is said about a page.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Encoder } from '../../../src/html/blocks.js';
import type { PictureRun } from '../../../src/html/classes.js';
import type { Picture } from '../../../src/html/format.js';
import { bytesOf } from '../../../src/picture/bytes.js';
import { factsOf, sentenceOf } from '../../../src/picture/describe.js';
import { addressIn, find, type Hit, KINDS } from '../../../src/picture/find.js';
import { Runs } from '../../../src/picture/runs.js';
import { extentsOf, pagesOf, someRuns } from '../../build/picture.js';

const HVA = 0x7f0000000;

function modelOf(list: readonly PictureRun[], places = Infinity) {
  const encoder = new Encoder({ states: Infinity, places });
  const read = (bytes: Uint8Array): Uint8Array => bytesOf(Buffer.from(bytes).toString('base64'));
  const blocks = [...encoder.blocks(list)].map(({ first, pages, states, places: at }) => ({
    first,
    pages,
    states: () => read(states),
    places: () => read(at),
  }));
  const extents = extentsOf(list);
  const slots = extents.map(({ first, pages }, id) => ({ id, first, pages, page: HVA + first, backing: 'anonymous' }));
  const picture: Picture = {
    classes: encoder.classes,
    slots,
    extents,
    question: 'kvm-vtop -c vmcore -g 1 -p',
    words: { mapped: 'resident' },
    placesEnd: encoder.placesEnd,
  };
  return { picture, runs: new Runs(blocks, encoder.classes) };
}
type Model = ReturnType<typeof modelOf>;

const placeAt = ({ picture, runs }: Model, page: number, offset = 0, isRead = true) => ({
  page,
  offset,
  run: runs.find(page),
  slot: picture.slots.find(({ first, pages }) => page >= first && page < first + pages) ?? null,
  isRead,
});

const byKind = (hits: readonly Hit[], kind: string): number[] =>
  hits.filter((hit) => hit.kind === kind).map(({ page }) => page);

test('an address is found as GPA, as HVA and as HPA, wherever it is', async () => {
  await fc.assert(
    fc.asyncProperty(someRuns, fc.nat(), fc.nat(4095), async (list, choice, offset) => {
      const model = modelOf(list);
      const pages = pagesOf(list);
      const chosen = pages[choice % pages.length] as (typeof pages)[number];
      for (const asked of [chosen.page, HVA + chosen.page, chosen.place ?? 0]) {
        const found = await find(model, { page: asked, offset }, KINDS, () => true);
        const expected = {
          gpa: pages.filter(({ page }) => page === asked),
          hva: pages.filter(({ page }) => page + HVA === asked),
          hpa: pages.filter(({ run, place }) => run.state === 'mapped' && place === asked),
        };
        for (const kind of KINDS)
          expect(byKind(found?.hits ?? [], kind)).toEqual(expected[kind].map(({ page }) => page).slice(0, 200));
        expect(found?.count).toBe(expected.gpa.length + expected.hva.length + expected.hpa.length);
        expect(found?.hits.every((hit) => hit.offset === offset)).toBe(true);
      }
    }),
    { numRuns: 30 },
  );
});

test('only the kinds that are asked for are searched; a search that is no longer wanted ends', async () => {
  const run = { first: 8, pages: 8, reason: null, pageSize: 4096, protNone: false, node: 0, swap: null };
  const model = modelOf([{ ...run, state: 'mapped', frame: 8 }]);
  const asked = { page: 9, offset: 0 };
  expect(await find(model, asked, ['hpa'], () => true)).toEqual({
    hits: [{ kind: 'hpa', page: 9, offset: 0 }],
    count: 1,
  });
  expect(await find(model, asked, ['hva'], () => true)).toEqual({ hits: [], count: 0 });
  const unread = {
    ...model,
    runs: new Runs(
      model.runs.blocks.map((block) => ({ ...block, places: () => null })),
      model.picture.classes,
    ),
  };
  expect(await find(unread, asked, KINDS, () => false)).toBeNull();
});

test.each([
  ['34de5840', { page: 0x34de5, offset: 0x840 }],
  [' 0x7F05D7E00FFF ', { page: 0x7f05d7e00, offset: 0xfff }],
  ['ffffffff_81000123', { page: 0xffffffff81000, offset: 0x123 }],
  ['0', { page: 0, offset: 0 }],
  ['', null],
  ['12g', null],
  ['11112222333344445', null],
])('the text %j is an address or not', (text, expected) => {
  expect(addressIn(text)).toEqual(expected);
});

describe('what is said about a page', () => {
  const mapped = { reason: null, pageSize: 4096, protNone: false, node: 1, swap: null, state: 'mapped' } as const;
  const list: PictureRun[] = [
    { ...mapped, first: 0x100, pages: 2, frame: 0x5000 },
    { ...mapped, first: 0x102, pages: 1, frame: 0x9, protNone: true, pageSize: 2 ** 21 },
    {
      ...{ ...mapped, node: null, pageSize: null, frame: null, first: 0x103, pages: 1 },
      ...{ state: 'swapped', reason: 'swap-entry', swap: { type: 3, offset: 77, device: null } },
    },
    {
      ...mapped,
      first: 0x104,
      pages: 1,
      state: 'poisoned',
      reason: 'hwpoison-entry',
      frame: 0x66,
      node: null,
      pageSize: null,
    },
  ];
  const model = modelOf(list);
  const facts = (page: number, offset = 0): Record<string, string> =>
    Object.fromEntries(factsOf(model.picture, placeAt(model, page, offset)).map(({ name, value }) => [name, value]));

  test('a mapped one', () => {
    expect(facts(0x101, 0x840)).toEqual({
      GPA: '0x101840',
      HVA: '0x7f0000101840',
      HPA: '0x5001840',
      State: 'resident',
      'Page size': '4 KiB',
      'NUMA node': '1',
      Slot: '0: anonymous',
      Run: '0x100000 to 0x101fff, 8 KiB',
      Command: 'kvm-vtop -c vmcore -g 1 -p 101840',
    });
    expect(sentenceOf(model.picture, placeAt(model, 0x102))).toBe(
      'GPA 0x102000, HVA 0x7f0000102000, HPA 0x9000: resident (PROT_NONE), page of 2 MiB, node 1',
    );
  });

  test('others have no HPA', () => {
    expect(facts(0x103)).toMatchObject({ Swap: 'area 3, page 77', State: 'swapped (swap-entry)' });
    expect(facts(0x104)).toMatchObject({ Frame: '0x66000', State: 'poisoned (hwpoison-entry)' });
    for (const page of [0x103, 0x104]) expect(facts(page)).not.toHaveProperty('HPA');
    expect(facts(0x105)).toEqual({
      GPA: '0x105000',
      State: 'in no memslot',
      Command: 'kvm-vtop -c vmcore -g 1 -p 105000',
    });
  });

  test('an HPA that the page lacks is not guessed', () => {
    const place = placeAt(model, 0x100);
    const without = { ...place, run: { ...(place.run as NonNullable<typeof place.run>), place: null } };
    expect(sentenceOf(model.picture, without)).toContain('HPA not in this page: resident');
    expect(sentenceOf(model.picture, { ...without, isRead: false })).toContain('HPA still being read: resident');
  });
});
