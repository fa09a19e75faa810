// SPDX-License-Identifier: Apache-2.0
// Pages of files in memory: every form of array and of compound pages, pages in swap, and entries that must not be believed.
import { describe, expect, test } from '@jest/globals';
import { FileCaches } from '../../../src/caches/files.js';
import type { PageCache } from '../../../src/caches/page-cache.js';
import { DumpError } from '../../../src/core/errors.js';
import { type CacheEra, CacheHost, ERAS } from '../../build/caches.js';
import { NOWHERE } from '../../build/containers.js';
import type { Stored } from '../../build/xarray.js';

const eras = Object.entries(ERAS) as [string, CacheEra][];
/** Highest page that is asked about. */
const LIMIT = 100_000;

const stored = (index: number, entry: bigint, order = 0): Stored => ({ index: BigInt(index), order, entry });

/** The page cache of a file. */
function cacheOf(host: CacheHost, file: bigint): PageCache {
  const cache = new FileCaches(host.open()).of(file);
  if (cache instanceof DumpError) throw cache;
  return cache;
}

/** What a cache has for pages: first page, pages, and what. */
function rows(cache: PageCache, from: number, to: number) {
  const all: unknown[] = [];
  for (let page = from; page < to; ) {
    const found = cache.find(page, to);
    const what =
      found.kind === 'page'
        ? found.frame
        : found.kind === 'swap'
          ? `${found.type}:${found.offset}`
          : found.kind === 'unknown'
            ? found.why
            : null;
    all.push([page, found.end - page, what]);
    page = found.end;
  }
  return all;
}

describe.each(eras)('with %s', (_name, era) => {
  test('pages, and pages of shared memory in swap, are found by their place in the file', () => {
    const host = new CacheHost(era);
    const { file, mapping } = host.cachedFile('tmpfs');
    host.cache(mapping, [
      stored(1, host.page(0x100, { mapping, index: 1 })),
      stored(2, host.page(0x101, { mapping, index: 2 })),
      stored(70, host.swapValue(3, 500)),
      stored(5000, host.page(0x90, { mapping, index: 5000 })),
    ]);
    const cache = cacheOf(host, file);
    const wanted = [
      [0, 1, null],
      [1, 1, 0x100],
      [2, 1, 0x101],
      [3, 67, null],
      [70, 1, '3:500'],
      [71, 4929, null],
      [5000, 1, 0x90],
      [5001, 94_999, null],
    ];
    expect(rows(cache, 0, LIMIT)).toEqual(wanted);
    // In another order, each with its own walk or continuing one.
    for (const [page, , what] of [...wanted].reverse())
      expect(rows(cache, page as number, (page as number) + 1)).toEqual([[page, 1, what]]);
  });

  test('values in other files than shared memory are not places in swap', () => {
    const host = new CacheHost(era);
    const { file, mapping } = host.cachedFile('ext4');
    host.cache(mapping, [stored(3, host.swapValue(3, 500)), stored(4, host.page(0x44, { mapping, index: 4 }))]);
    expect(rows(cacheOf(host, file), 3, 6)).toEqual([
      [3, 1, null],
      [4, 1, 0x44],
      [5, 1, null],
    ]);
  });

  test('a compound page that each of its entries leads to', () => {
    const host = new CacheHost(era);
    const { file, mapping } = host.cachedFile('tmpfs');
    const head = host.page(0x200, { mapping, index: 8, order: 2 });
    host.cache(
      mapping,
      [8, 9, 10, 11].map((index) => stored(index, head)),
    );
    const cache = cacheOf(host, file);
    expect(rows(cache, 8, 12)).toEqual([0, 1, 2, 3].map((i) => [8 + i, 1, 0x200 + i]));
    // Each entry is the page itself, as before 5.4.
    host.cache(
      mapping,
      [8, 9, 10, 11].map((index, i) => stored(index, host.pageAt(0x200 + i))),
    );
    expect(rows(cacheOf(host, file), 8, 12)).toEqual([0, 1, 2, 3].map((i) => [8 + i, 1, 0x200 + i]));
  });

  test('a compound page with one entry of its order', () => {
    const host = new CacheHost(era);
    const { file, mapping } = host.cachedFile('tmpfs');
    host.cache(mapping, [
      stored(8, host.page(0x200, { mapping, index: 8, order: 3 }), 3),
      stored(512, host.page(0x400, { mapping, index: 512, order: 9 }), 9),
      stored(2048, host.swapValue(1, 4096), 4),
    ]);
    expect(rows(cacheOf(host, file), 10, 2056)).toEqual([
      [10, 6, 0x202],
      [16, 496, null],
      [512, 512, 0x400],
      [1024, 1024, null],
      [2048, 8, '1:4096'],
    ]);
  });

  test.each([
    ['one entry of its order (since 6.7)', 9, (index: number) => index * 512],
    ['indices of huge pages (up to 6.6)', 0, (index: number) => index],
  ])('huge pages of hugetlbfs: %s', (_form, order, indexOf) => {
    const host = new CacheHost(era);
    const { file, mapping } = host.cachedFile('hugetlbfs', 9);
    host.cache(
      mapping,
      [1, 4].map((number) => {
        const index = indexOf(number);
        return stored(index, host.page(0x400 * number, { mapping, index, order: 9 }), order);
      }),
    );
    expect(rows(cacheOf(host, file), 600, 2060)).toEqual([
      [600, 424, 0x400 + 88],
      [1024, 1024, null],
      [2048, 12, 0x1000],
    ]);
  });

  test.each<[string, (host: CacheHost, mapping: bigint) => Stored[], RegExp]>([
    ['of another file', (host) => [stored(5, host.page(0x80, { mapping: 0x1000n, index: 5 }))], /of another file/],
    ['at another place', (host, mapping) => [stored(5, host.page(0x80, { mapping, index: 6 }))], /another place/],
    [
      'a smaller one than the place',
      (host, mapping) => [stored(5, host.page(0x80, { mapping, index: 4 }))],
      /not have 2/,
    ],
    ['of a free page', (host, mapping) => [stored(5, host.page(0x80, { mapping, index: 5, count: 0 }))], /it is free/],
    ['that is not a struct page', () => [stored(5, 0xffff888001000008n)], /there is no struct page at this address/],
    ['that is not mapped', () => [stored(5, NOWHERE)], /not mapped/],
    [
      'of a tail whose head is another tail',
      (host, mapping) => {
        host.page(0x80, { mapping, index: 4, order: 2 });
        host.page(0x84, { mapping, index: 8 });
        host.set('page', host.pageAt(0x84), { [host.era.link]: host.pageAt(0x81) | 1n });
        return [stored(5, host.pageAt(0x84))];
      },
      /head of its compound page/,
    ],
  ])('an entry %s is not believed', (_what, entries, problem) => {
    const host = new CacheHost(era);
    const { file, mapping } = host.cachedFile('tmpfs');
    host.cache(mapping, [...entries(host, mapping), stored(6, host.page(0x90, { mapping, index: 6 }))]);
    expect(rows(cacheOf(host, file), 4, 8)).toEqual([
      [4, 1, null],
      [5, 1, expect.stringMatching(problem)],
      [6, 1, 0x90],
      [7, 1, null],
    ]);
  });

  test('a part of the array that is missing hides its own pages only', () => {
    const host = new CacheHost(era);
    const { file, mapping } = host.cachedFile('tmpfs');
    host.cache(
      mapping,
      [3, 70, 200].map((index, i) => stored(index, host.page(0x80 + i, { mapping, index }))),
    );
    const root = host.pointer(
      mapping + host.offset('address_space', era.array === '4.20' ? 'i_pages.xa_head' : 'i_pages.rnode'),
    );
    host.arrays.set(root & ~3n, 1, NOWHERE | host.arrays.form.tag);
    expect(rows(cacheOf(host, file), 0, 300)).toEqual([
      [0, 3, null],
      [3, 1, 0x80],
      [4, 60, null],
      [64, 64, expect.stringMatching(/not mapped/)],
      [128, 72, null],
      [200, 1, 0x82],
      [201, 99, null],
    ]);
  });
});

test('contents that are still to be read or cleared are not ready', () => {
  const host = new CacheHost(ERAS['an XArray']);
  const { file, mapping } = host.cachedFile('tmpfs');
  host.cache(mapping, [
    stored(0, host.page(0x80, { mapping, index: 0, flags: 0 })),
    stored(1, host.page(0x81, { mapping, index: 1 })),
  ]);
  const cache = cacheOf(host, file);
  expect([0, 1].map((page) => cache.find(page, 9))).toMatchObject([{ isReady: false }, { isReady: true }]);
});

test('a file that can not be read', () => {
  const host = new CacheHost(ERAS['an XArray']);
  expect(new FileCaches(host.open()).of(NOWHERE)).toMatchObject({ message: expect.stringMatching(/struct file/) });
});
