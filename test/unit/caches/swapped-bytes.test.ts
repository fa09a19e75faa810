// SPDX-License-Identifier: Apache-2.0
// Swapped pages that are kept in memory: in zswap by tree and array, in zram, and as a note that a page is all zeros.
import { describe, expect, test } from '@jest/globals';
import { Folios } from '../../../src/caches/folios.js';
import { SwappedBytes } from '../../../src/caches/swapped-bytes.js';
import { Swap } from '../../../src/kernel/swap.js';
import { CacheHost, ERAS } from '../../build/caches.js';
import { pack } from '../../build/lz4.js';

const TYPE = 3;
const STORES = `zswap_pool {
  ptr zpool
  char tfm_name[128]
}
zpool {
  ptr driver
}
zpool_driver {
  ptr type
}
block_device {
  pad 16
  ptr bd_disk
}
gendisk {
  char disk_name[32]
  ptr private_data
}
zram {
  ptr table
  ptr disk
  u64 disksize
  ptr comp_algs[4]
}
zram_table_entry {
  ptr handle
  u64 flags
}
enum zram_pageflags { ZRAM_SAME=13, ZRAM_WB=14, ZRAM_HUGE=15, ZRAM_COMP_PRIORITY_BIT1=18, __NR_ZRAM_PAGEFLAGS=20 }
`;
const IN_TREE = `zswap_entry {
  struct rb_node rbnode
  u64 offset
  u32 length
  ptr pool
  ptr handle
}
zswap_tree {
  struct rb_root rbroot
}
rb_root {
  ptr rb_node
}
zswap_header {
  u64 swpentry
}
`;
const IN_ARRAY = `zswap_entry {
  u64 swpentry
  u32 length
  ptr pool
  ptr handle
}
`;
const types = (zswap: string): string =>
  (ERAS['an XArray'].types + STORES + zswap).replace(
    '  u32 max\n  ptr swap_file',
    '  u32 max\n  ptr swap_file\n  ptr bdev\n  ptr zeromap',
  );

const PAGE = new Uint8Array(4096).map((_, i) => (i % 61) * (1 + (i >> 10)));
const FRAME = 0x900;

/** A host with stores of compressed pages, and objects of zsmalloc in frames from `FRAME` on. */
class StoreHost extends CacheHost {
  readonly info: bigint;
  readonly #handles: bigint;
  #made = 0;

  constructor(zswap: string) {
    super({ ...ERAS['an XArray'], types: types(zswap) });
    this.info = this.swapArea(TYPE, 40_000);
    this.#handles = this.allocate(4096);
    this.symbol('bzswap_trees', this.at('linux_banner') + 0x600n);
    for (const i of [0, 1]) {
      this.memory.write(BigInt(FRAME + i) * 4096n, new Uint8Array(4096));
      // All pages of a group point to it; the first points to the next.
      this.set('page', this.pageAt(FRAME + i), { private: this.at('linux_banner'), index: this.pageAt(FRAME + 1) });
    }
  }

  /** Stores an object in zsmalloc at a byte of the group of pages; its handle. */
  object(at: number, bytes: Uint8Array): bigint {
    const handle = this.#handles + BigInt(this.#made++ * 8);
    this.u64(handle, BigInt(FRAME + Math.floor(at / 4096)) << 24n);
    this.memory.writeU64(BigInt(FRAME) * 4096n + BigInt(at), handle | 1n);
    this.memory.write(BigInt(FRAME) * 4096n + BigInt(at + 8), bytes);
    return handle;
  }

  text(text: string): bigint {
    const at = this.allocate(32);
    this.write(at, Buffer.from(`${text}\0`));
    return at;
  }

  pool(allocator: string, algorithm = 'lz4'): bigint {
    const driver = this.make('zpool_driver', { type: this.text(allocator) });
    const pool = this.make('zswap_pool', { zpool: this.make('zpool', { driver }) });
    this.write(pool + this.offset('zswap_pool', 'tfm_name'), Buffer.from(`${algorithm}\0`));
    return pool;
  }

  /** Entries of zswap in the array for the offsets below 2^14. */
  zswapArray(
    entries: readonly { offset: number; named?: number; length: number; handle: bigint; pool: bigint }[],
  ): void {
    const trees = this.allocate(3 * this.layouts.size('xarray'));
    const list = entries.map(({ offset, named = offset, length, handle, pool }) => ({
      index: BigInt(offset),
      order: 0,
      entry: this.make('zswap_entry', { swpentry: this.swapEntry(TYPE, named), length, handle, pool }),
    }));
    this.set('xarray', trees, { xa_head: this.arrays.head(list) });
    this.u64(this.at('zswap_trees') + BigInt(TYPE * 8), trees);
  }

  /** Makes the area one of a zram device with these entries. */
  zram(entries: Readonly<Record<number, { handle: bigint; flags: number }>>): void {
    const table = this.allocate(64 * this.layouts.size('zram_table_entry'));
    const zram = this.make('zram', { table, disksize: 64 * 4096, 'comp_algs[0]': this.text('lz4') });
    this.set('zram', zram, { 'comp_algs[1]': this.text('842') });
    const disk = this.make('gendisk', { private_data: zram });
    this.write(disk, Buffer.from('zram0\0'));
    this.set('zram', zram, { disk });
    this.set('swap_info_struct', this.info, { flags: 0x43, bdev: this.make('block_device', { bd_disk: disk }) });
    for (const [offset, values] of Object.entries(entries))
      this.set('zram_table_entry', table + BigInt(offset) * BigInt(this.layouts.size('zram_table_entry')), values);
  }

  stores(): SwappedBytes {
    const host = this.open();
    return new SwappedBytes(host, new Swap(host), new Folios(host));
  }
}

const at = (offset: number) => ({ type: TYPE, offset });

describe('zswap in an XArray', () => {
  test('objects in a page, across two pages, and pages that are elsewhere', () => {
    const host = new StoreHost(IN_ARRAY);
    const packed = pack(PAGE);
    const pool = host.pool('zsmalloc');
    host.zswapArray([
      { offset: 7, length: packed.length, handle: host.object(0x40, packed), pool },
      { offset: 8, length: packed.length, handle: host.object(4096 - 0x20, packed), pool },
    ]);
    const stores = host.stores();
    expect(stores.find(at(7))).toMatchObject({ store: 'zswap', algorithm: 'lz4', size: packed.length });
    expect([stores.read(at(7)), stores.read(at(8))]).toEqual([PAGE, PAGE]);
    expect([stores.find(at(9)), stores.read(at(9))]).toEqual([{ store: 'on-device' }, null]);
  });

  test.each<[string, RegExp, (host: StoreHost) => void]>([
    [
      'an entry of another place',
      /does not name its place in swap/,
      (host) => {
        host.zswapArray([
          { offset: 7, named: 8, length: 9, handle: host.object(0, PAGE), pool: host.pool('zsmalloc') },
        ]);
      },
    ],
    [
      'a handle of a page that does not have the object',
      /does not have the object/,
      (host) => {
        const handle = host.object(0, PAGE.subarray(0, 99));
        host.memory.writeU64(BigInt(FRAME) * 4096n, 0n);
        host.zswapArray([{ offset: 7, length: 99, handle, pool: host.pool('zsmalloc') }]);
      },
    ],
    [
      'two objects with one handle',
      /two objects have the handle/,
      (host) => {
        const handle = host.object(0, PAGE.subarray(0, 99));
        host.memory.writeU64(BigInt(FRAME) * 4096n + 0x400n, handle | 1n);
        host.zswapArray([{ offset: 7, length: 99, handle, pool: host.pool('zsmalloc') }]);
      },
    ],
    [
      'an unknown algorithm',
      /zswap: pages compressed with '842' can't be decoded/,
      (host) => {
        const handle = host.object(0, PAGE.subarray(0, 99));
        host.zswapArray([{ offset: 7, length: 99, handle, pool: host.pool('zsmalloc', '842') }]);
      },
    ],
    [
      'bytes that are not a page',
      /an object of 99 bytes is not a page that lz4 has compressed/,
      (host) => {
        const handle = host.object(0, PAGE.subarray(0, 99));
        host.zswapArray([{ offset: 7, length: 99, handle, pool: host.pool('zsmalloc') }]);
      },
    ],
  ])('%s is not believed', (_what, message, make) => {
    const host = new StoreHost(IN_ARRAY);
    make(host);
    expect(() => host.stores().read(at(7))).toThrow(message);
  });
});

test('zswap in a red-black tree: pages of one word, and objects of zbud, which name their place', () => {
  const host = new StoreHost(IN_TREE);
  const packed = pack(PAGE);
  const object = host.allocate(4096);
  const place = Buffer.alloc(8);
  place.writeBigUInt64LE(host.swapEntry(TYPE, 20_000));
  host.write(object + 64n, Buffer.concat([place, packed]));
  const pool = host.pool('zbud');
  const right = host.make('zswap_entry', { offset: 20_000, length: packed.length, handle: object + 64n, pool });
  const left = host.make('zswap_entry', { offset: 5, length: 0, handle: 0x0101010101010101n });
  const wrong = host.make('zswap_entry', { offset: 21_000, length: 9, handle: object + 64n, pool });
  host.set('rb_node', right, { rb_right: wrong });
  const root = host.make('zswap_entry', { offset: 100, length: 0, handle: 0n });
  host.set('rb_node', root, { rb_left: left, rb_right: right });
  host.u64(host.at('zswap_trees') + BigInt(TYPE * 8), host.make('zswap_tree', { 'rbroot.rb_node': root }));
  const stores = host.stores();
  expect(stores.read(at(20_000))).toEqual(PAGE);
  expect(stores.read(at(5))).toEqual(new Uint8Array(4096).fill(1));
  expect(stores.find(at(6))).toEqual({ store: 'on-device' });
  expect(() => stores.read(at(21_000))).toThrow(/does not name its place in swap/);
});

test('zram: compressed pages, whole ones, words, and what is not there', () => {
  const host = new StoreHost(IN_ARRAY);
  const packed = pack(PAGE);
  const whole = host.object(0, new Uint8Array(0));
  // A page that one object fills has its handle in struct page.
  host.memory.write(BigInt(FRAME) * 4096n, PAGE);
  host.set('page', host.pageAt(FRAME), { index: whole | 1n });
  const flag = (...bits: number[]): number => bits.reduce((sum, bit) => sum + 2 ** bit, 0);
  host.zram({
    7: { handle: host.object(4096, packed), flags: packed.length },
    8: { handle: whole, flags: 4096 + flag(15) },
    9: { handle: 0x0202020202020202n, flags: flag(13) },
    10: { handle: 1n, flags: flag(14) },
    11: { handle: host.object(8000, new Uint8Array(50)), flags: 50 + flag(18) },
  });
  const stores = host.stores();
  expect(stores.read(at(7))).toEqual(PAGE);
  expect(stores.find(at(8))).toMatchObject({ store: 'zram', algorithm: null, size: 4096 });
  expect(stores.read(at(8))).toEqual(PAGE);
  expect(stores.read(at(9))).toEqual(new Uint8Array(4096).fill(2));
  expect(() => stores.find(at(10))).toThrow(/written back to the backing device/);
  expect(() => stores.read(at(11))).toThrow(/'842' can't be decoded/);
  expect(stores.find(at(12))).toEqual({ store: 'on-device' });
  expect(() => stores.find(at(64))).toThrow(/does not have page 64/);
});

test('a page of zeros is only noted', () => {
  const host = new StoreHost(IN_ARRAY);
  const zeromap = host.allocate(4096);
  host.write(zeromap + 3n, Buffer.from([0x20]));
  host.set('swap_info_struct', host.info, { zeromap });
  const stores = host.stores();
  expect([28, 29, 30].map((offset) => stores.find(at(offset)).store)).toEqual(['on-device', 'zeros', 'on-device']);
  expect(stores.read(at(29))).toEqual(new Uint8Array(4096));
});
