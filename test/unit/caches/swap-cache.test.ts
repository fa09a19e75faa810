// SPDX-License-Identifier: Apache-2.0
// Swapped pages that are in memory: the arrays of each era, compound pages, and pages that do not name their place.
import { describe, expect, test } from '@jest/globals';
import { Folios } from '../../../src/caches/folios.js';
import { SwapCache } from '../../../src/caches/swap-cache.js';
import { Swap } from '../../../src/kernel/swap.js';
import { CacheHost, ERAS } from '../../build/caches.js';
import { NOWHERE } from '../../build/containers.js';
import type { Stored } from '../../build/xarray.js';

const TYPE = 3;
const UPTODATE = 8;
const SWAPCACHE = 0x400;
const IN_SPACE = 2 ** 14;

interface Cached {
  readonly offset: number;
  readonly entry: bigint;
}

interface Form {
  readonly era: (typeof ERAS)[keyof typeof ERAS];
  /** Sets the entries of the swap area. */
  readonly plant: (host: CacheHost, entries: readonly Cached[]) => void;
}

/** In one tree for 2^14 offsets, with this index. */
const trees =
  (indexOf: (host: CacheHost, offset: number) => bigint): Form['plant'] =>
  (host, entries) => {
    const spaces: Stored[][] = Array.from({ length: 3 }, () => []);
    for (const { offset, entry } of entries)
      spaces[Math.floor(offset / IN_SPACE)]?.push({ index: indexOf(host, offset), order: 0, entry });
    host.swapSpaces(TYPE, spaces);
  };

/** In a table for 512 offsets. */
const tables =
  (form: (entry: bigint, host: CacheHost) => bigint): Form['plant'] =>
  (host, entries) => {
    const clusters = Array.from({ length: 80 }, () => new Map<number, bigint>());
    for (const { offset, entry } of entries) clusters[Math.floor(offset / 512)]?.set(offset % 512, form(entry, host));
    host.swapTable(host.pointer(host.at('swap_info') + BigInt(TYPE * 8)), clusters);
  };
const frameOf = (entry: bigint, host: CacheHost): bigint => (entry - host.vmemmap) / 64n;

const FORMS: Readonly<Record<string, Form>> = {
  'trees by offset (4.19 to 6.10)': { era: ERAS['an XArray'], plant: trees((_host, offset) => BigInt(offset)) },
  'trees by offset in the tree (since 6.11)': {
    era: ERAS['an XArray'],
    plant: trees((_host, offset) => BigInt(offset % IN_SPACE)),
  },
  'radix trees by entry (RHEL 7)': {
    era: ERAS['a radix tree'],
    plant: trees((host, offset) => host.swapEntry(TYPE, offset)),
  },
  'tables of pointers (6.18)': { era: ERAS['tables of swap, masks in tail pages'], plant: tables((entry) => entry) },
  'tables of frames (7.2)': {
    era: ERAS['tables of swap, masks in tail pages'],
    // The number of users is in the highest bits.
    plant: tables((entry, host) => (entry & 1n ? entry : (2n << 60n) | (frameOf(entry, host) << 2n) | 2n)),
  },
};

function open(host: CacheHost): SwapCache {
  const opened = host.open();
  return new SwapCache(opened, new Swap(opened), new Folios(opened));
}

const frame = (cache: SwapCache, offset: number) => cache.find({ type: TYPE, offset })?.frame ?? null;

describe.each(Object.entries(FORMS))('%s', (_name, { era, plant }) => {
  function hostOf(entriesOf: (host: CacheHost) => readonly Cached[]): CacheHost {
    const host = new CacheHost(era);
    host.swapArea(TYPE, 40_000);
    plant(host, entriesOf(host));
    return host;
  }
  const page = (host: CacheHost, frame: number, offset: number, more: object = {}): Cached => ({
    offset,
    entry: host.page(frame, { private: host.swapEntry(TYPE, offset), flags: UPTODATE | SWAPCACHE, ...more }),
  });

  test('pages are found by their place in swap, in any order', () => {
    const host = hostOf((made) => [
      page(made, 0x100, 7),
      page(made, 0x101, 8),
      page(made, 0x90, 20_000),
      page(made, 0x91, 39_999),
    ]);
    const cache = open(host);
    const found = [7, 8, 9, 20_000, 20_001, 39_999, 3616, 8, 7].map((offset) => frame(cache, offset));
    expect(found).toEqual([0x100, 0x101, null, 0x90, null, 0x91, null, 0x101, 0x100]);
    expect(cache.find({ type: 2, offset: 7 })).toBe(null);
  });

  test('every slot of a compound page has its head', () => {
    const host = hostOf((made) => {
      const head = page(made, 0x200, 512, { order: 2 });
      return [0, 1, 2, 3].map((i) => ({ offset: 512 + i, entry: head.entry }));
    });
    const cache = open(host);
    expect([0, 1, 2, 3].map((i) => frame(cache, 512 + i))).toEqual([0x200, 0x201, 0x202, 0x203]);
  });

  test('a page that was just being read from swap is there, but not its contents', () => {
    const cache = open(hostOf((made) => [page(made, 0x100, 7), page(made, 0x101, 8, { flags: SWAPCACHE })]));
    expect([7, 8].map((offset) => cache.find({ type: TYPE, offset })?.isReady)).toEqual([true, false]);
  });

  test('what is left of a page that was in the cache is not a page', () => {
    const host = hostOf((made) => [{ offset: 7, entry: made.arrays.form.value(0x91bn) }]);
    expect(open(host).find({ type: TYPE, offset: 7 })).toBe(null);
  });

  test.each<[string, (host: CacheHost) => Cached]>([
    ['of another place', (host) => ({ ...page(host, 0x80, 6), offset: 7 })],
    ['of a later place', (host) => ({ ...page(host, 0x80, 8), offset: 7 })],
    ['of another area', (host) => page(host, 0x80, 7, { private: host.swapEntry(2, 7) })],
    ['that is not in the swap cache', (host) => page(host, 0x80, 7, { flags: UPTODATE })],
    ['that is free', (host) => page(host, 0x80, 7, { count: 0 })],
  ])('a page %s is not believed', (_what, make) => {
    const cache = open(hostOf((host) => [make(host)]));
    expect(() => cache.find({ type: TYPE, offset: 7 })).toThrow(/in the swap cache, but does not/);
  });
});

test('a cache that can not be read does not say that a page is not in it', () => {
  const host = new CacheHost(ERAS['an XArray']);
  host.swapArea(TYPE, 40_000);
  host.swapSpaces(TYPE, [[{ index: 70n, order: 0, entry: NOWHERE }]]);
  const space = host.pointer(host.at('swapper_spaces') + BigInt(TYPE * 8));
  host.set('address_space', space, { 'i_pages.xa_head': NOWHERE | 2n });
  expect(() => open(host).find({ type: TYPE, offset: 70 })).toThrow(/XArray node/);
});
