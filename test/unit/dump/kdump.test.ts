// SPDX-License-Identifier: Apache-2.0
// kdump-compressed files: which pages they contain, and why others are missing.
import { describe, expect, test } from '@jest/globals';
import { pfn } from '../../../src/core/address.js';
import { openImage } from '../../../src/dump/open.js';
import { type KdumpWish, kdump, type Packing } from '../../build/files.js';
import { FileInMemory, frameOf, open, pageOf } from '../../build/images.js';

const VMCOREINFO = { name: 'VMCOREINFO', type: 0, desc: Buffer.from('OSRELEASE=1.2.3\n') };

describe('kdump-compressed', () => {
  const pages = new Map<number, Uint8Array | null | 'unwritten'>([
    [0, pageOf(0)],
    [1, null],
    [2, pageOf(2)],
    [40000, pageOf(9)],
    [40001, 'unwritten'],
  ]);
  const wish: KdumpWish = { version: 6, packing: 'zlib', pages, frames: 50000, notes: [VMCOREINFO] };

  describe.each([1, 2, 3, 4, 5, 6])('version %i', (version) => {
    test.each(['raw', 'zlib', 'lzo', 'snappy', 'zstd'] as Packing[])('%s pages', async (packing) => {
      const file = kdump({ ...wish, version, packing });
      expect(await frameOf(file, 0)).toEqual(pageOf(0));
      expect(await frameOf(file, 2)).toEqual(pageOf(2));
      expect(await frameOf(file, 40000)).toEqual(pageOf(9));
    });

    test('why a page is missing', async () => {
      const file = kdump({ ...wish, version });
      const reasons = await Promise.all([1, 3, 40001, 49999, 50000, 2 ** 40 - 1].map((frame) => frameOf(file, frame)));
      expect(reasons).toEqual(['excluded', 'outside', 'cut-off', 'outside', 'outside', 'outside']);
    });

    test('VMCOREINFO from the notes or the sub-header, if the version has them', async () => {
      const infoIn = async (more: Partial<KdumpWish>) =>
        (await open(kdump({ ...wish, version, ...more }))).reader.vmcoreinfo?.text() ?? null;
      expect(await infoIn({})).toBe(version >= 4 ? 'OSRELEASE=1.2.3\n' : null);
      expect(await infoIn({ notes: [], vmcoreinfo: 'OSRELEASE=4.5.6\n' })).toBe(
        version >= 3 ? 'OSRELEASE=4.5.6\n' : null,
      );
    });
  });

  test('one bitmap instead of two', async () => {
    const file = kdump({ ...wish, singleBitmap: true, frames: 32768 * 2 });
    expect(await frameOf(file, 40000)).toEqual(pageOf(9));
    expect(await frameOf(file, 1)).toBe('outside');
  });

  test.each([
    ['part of a zlib page', (file: Buffer) => file.subarray(0, -20)],
    ['the last page', (file: Buffer) => file.subarray(0, -1)],
  ])('cut off: %s', async (_name, cut) => {
    expect(await frameOf(cut(kdump(wish)), 40000)).toBe('cut-off');
    expect(await frameOf(cut(kdump(wish)), 0)).toEqual(pageOf(0));
  });

  test('cut anywhere, it is refused, or the lost pages are reported and the others are read', async () => {
    const whole = kdump({ ...wish, packing: 'raw' });
    for (let size = 0; size < whole.length; size += 997) {
      const file = new FileInMemory(whole.subarray(0, size));
      const image = await openImage([file]).catch((error: unknown) => error as Error);
      if (image instanceof Error) {
        expect([size, image.name]).toEqual([size, 'DumpError']);
        continue;
      }
      for (const frame of [0, 2, 40000]) {
        const view = image.frame(pfn(frame));
        if (view === null) expect(image.why(pfn(frame)).reason).toBe('cut-off');
        else expect(new Uint8Array(view.buffer, view.byteOffset, 4096)).toEqual(pages.get(frame));
      }
    }
  });

  test.each([
    ['another machine', { machine: 'aarch64' }, /a dump of architecture aarch64/],
    ['a later version', { version: 7 }, /version 7 is not supported; supported: 1 to 6/],
  ])('refused: %s', async (_name, more, message) => {
    await expect(open(kdump({ ...wish, ...more }))).rejects.toThrow(message);
  });

  test.each([
    ['a page that is longer than two', (d: Buffer) => d.writeUInt32LE(8193, 8)],
    ['an unknown compression', (d: Buffer) => d.writeUInt32LE(0x40, 12)],
    ['an uncompressed page of the wrong size', (d: Buffer) => d.writeUInt32LE(0, 12)],
    ['a page of another codec', (d: Buffer) => d.writeUInt32LE(2, 12)],
  ])('undecodable: %s', async (_name, damage) => {
    const file = kdump(wish);
    const start = 4096 * (2 + 2 * Math.ceil(50000 / 8 / 4096));
    damage(file.subarray(start, start + 24));
    expect(await frameOf(file, 0)).toBe('undecodable');
    expect(await frameOf(file, 2)).toEqual(pageOf(2));
  });
});
