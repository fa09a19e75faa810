// SPDX-License-Identifier: Apache-2.0
// Damaged page descriptors and bitmaps: no frame gets the page of another.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pfn } from '../../../src/core/address.js';
import { BytesSource } from '../../../src/core/bytes-source.js';
import { openImage } from '../../../src/dump/open.js';
import { believable } from '../../../src/dump/segments.js';
import { elfCore, kdump } from '../../build/files.js';
import { pageOf } from '../../build/images.js';

const open = (bytes: Uint8Array) => openImage([new BytesSource('test', bytes)]);

describe('a frame has its own page or none', () => {
  const many = new Map(Array.from({ length: 40 }, (_, i) => [i * 3, pageOf(i)] as const));
  const file = (): Buffer => kdump({ version: 6, packing: 'zlib', pages: many, frames: 50000 });
  const TABLE = 4096 * 2 + 2 * 2 * 4096;
  const answers = async (bytes: Buffer) => {
    const image = await open(bytes);
    return [...many.keys()].filter((frame) => image.frame(pfn(frame)) !== null);
  };
  const right = async (bytes: Buffer): Promise<boolean> => {
    const image = await open(bytes);
    return [...many].every(([frame, own]) => {
      const view = image.frame(pfn(frame));
      return view === null || Buffer.from(view.buffer, view.byteOffset, 4096).equals(own);
    });
  };

  test('two exchanged descriptors are both rejected', async () => {
    const bytes = file();
    const [first, second] = [TABLE + 5 * 24, TABLE + 20 * 24];
    const kept = Buffer.from(bytes.subarray(first, first + 24));
    bytes.copyWithin(first, second, second + 24);
    kept.copy(bytes, second);
    expect(await answers(bytes)).toHaveLength(38);
    expect(await right(bytes)).toBe(true);
  });

  test('a changed bit of the bitmap would shift all later pages: the dump is refused', async () => {
    for (const frame of [0, 3, 4, 60, 61]) {
      const bytes = file();
      const at = 4096 * 2 + 2 * 4096 + (frame >> 3);
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (frame & 7)), at);
      await expect(open(bytes)).rejects.toThrow(/its bitmap has (39|41) pages, .*; one of the two is damaged/);
    }
  });

  test('so is one in which the page of zeros comes first and is not used by the first frames', async () => {
    const pages = new Map(Array.from({ length: 700 }, (_, i) => [i, pageOf(i)] as const));
    const plain = kdump({ version: 6, packing: 'zlib', pages, frames: 1000 });
    const [table, data] = [8192 + 2 * 4096, 8192 + 2 * 4096 + 700 * 24];
    const bytes = Buffer.concat([plain.subarray(0, data), Buffer.alloc(4096), plain.subarray(data)]);
    for (let i = 0; i < 700; i++) bytes.writeBigUInt64LE(bytes.readBigUInt64LE(table + i * 24) + 4096n, table + i * 24);
    const image = await open(bytes);
    expect(image.frame(pfn(699))?.getUint8(1)).toBe(699 & 0xff);
    for (const frame of [3, 600, 800]) {
      const changed = Buffer.from(bytes);
      const at = 8192 + 4096 + (frame >> 3);
      changed.writeUInt8(changed.readUInt8(at) ^ (1 << (frame & 7)), at);
      await expect(open(changed)).rejects.toThrow(/its bitmap has (699|701) pages/);
    }
  });

  test('after any change of a descriptor each page is right or missing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(40 * 24 - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = file();
        bytes.writeUInt8(bytes.readUInt8(TABLE + at) ^ change, TABLE + at);
        expect(await right(bytes).catch((error: unknown) => (error as Error).name === 'DumpError')).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('ELF segments that contradict the others are ignored', () => {
  const DIRECT = 0xffff888000000000n;
  const segments = Array.from({ length: 12 }, (_, i) => ({
    paddr: 0x10000 + i * 0x4000,
    bytes: Buffer.concat([pageOf(2 * i), pageOf(2 * i + 1)]),
    vaddr: DIRECT + BigInt(0x10000 + i * 0x4000),
  }));
  const HEADERS = 64 + 56;
  const right = async (bytes: Buffer): Promise<number> => {
    const image = await open(bytes);
    let known = 0;
    for (const [i, { paddr }] of segments.entries()) {
      const view = image.frame(pfn(paddr / 4096));
      if (view === null) continue;
      expect(Buffer.from(view.buffer, view.byteOffset, 4096).equals(pageOf(2 * i))).toBe(true);
      known++;
    }
    return known;
  };

  test.each([
    ['offset in the file', 8],
    ['physical address', 24],
  ])('two segments with exchanged %s', async (_name, field) => {
    const bytes = elfCore({ segments });
    expect(await right(bytes)).toBe(12);
    const [one, other] = [HEADERS + 2 * 56 + field, HEADERS + 7 * 56 + field];
    const kept = bytes.readBigUInt64LE(one);
    bytes.writeBigUInt64LE(bytes.readBigUInt64LE(other), one);
    bytes.writeBigUInt64LE(kept, other);
    expect(await right(bytes)).toBe(10);
    expect((await open(bytes)).problems.map(({ message }) => message).join()).toMatch(
      /segments that contradict their neighbours are ignored \(2\)/,
    );
  });
});

test.each([
  ['in the file', [32]],
  ['in the file and in memory', [32, 40]],
])('an ELF segment that is too long %s does not get pages of later ones', async (_name, fields) => {
  const segments = Array.from({ length: 12 }, (_, i) => ({
    paddr: 0x10000 + i * 0x2000,
    bytes: Buffer.concat([pageOf(2 * i), pageOf(2 * i + 1)]),
  }));
  const bytes = elfCore({ segments });
  for (const field of fields) bytes.writeBigUInt64LE(0x8002000n, 64 + 56 + 3 * 56 + field);
  const image = await open(bytes);
  for (const [i, { paddr }] of segments.entries()) {
    const view = image.frame(pfn(paddr / 4096));
    if (i !== 3) expect(view === null ? null : Buffer.from(view.buffer, view.byteOffset, 4096)).toEqual(pageOf(2 * i));
    else expect(view).toBeNull();
  }
});

test('segments of the kernel’s own vmcore begin and end at page boundaries of the file', () => {
  const load = (offset: number, paddr: number, filesz: number) =>
    ({ type: 1, offset, vaddr: BigInt(paddr) + 0xffff888000000000n, paddr, filesz, memsz: filesz }) as const;
  const loads = [
    load(0x2000, 0x1000, 0x9ec00),
    load(0xa1000, 0x100000, 0x5000000),
    load(0x50a1018, 0x5400018, 0x4057),
    load(0x50a6000, 0x5500000, 0x800),
    load(0x50a7000, 0x6000000, 0x1000000),
    load(0x60a7000, 0x100000000, 0x2000000),
  ];
  expect(believable(loads)).toEqual(loads);
  for (const [i, one] of loads.entries())
    for (const by of [1, 0x18, 0x800, 0x1000]) {
      const moved = { ...one, offset: one.offset + by };
      expect(believable(loads.with(i, moved))).not.toContain(moved);
    }
});
