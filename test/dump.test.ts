// SPDX-License-Identifier: Apache-2.0
// Dump files of every form: which bytes of memory they hold, and why others are missing.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pfn } from '../src/core/address.js';
import { Bytes } from '../src/core/bytes.js';
import { DumpError } from '../src/core/errors.js';
import type { ByteSource } from '../src/core/memory.js';
import { Bitmap } from '../src/dump/bitmap.js';
import type { DumpImage } from '../src/dump/image.js';
import { openImage } from '../src/dump/open.js';
import { PhysicalMemory } from '../src/dump/physical.js';
import { FileSource } from '../src/io/file-source.js';
import { elfCore, type KdumpWish, kdump, type Packing } from './build/files.js';

/** Bytes in memory as a file that counts its reads. */
class Counted implements ByteSource {
  readonly name = 'test';
  readonly size: number;
  reads = 0;
  constructor(readonly bytes: Uint8Array) {
    this.size = bytes.length;
  }
  read(offset: number, length: number): Bytes {
    this.reads++;
    if (offset + length > this.size)
      throw new DumpError(`read of ${length} at ${offset} of ${this.size}`, { code: 'truncated' });
    return Bytes.of(this.bytes.subarray(offset, offset + length), { source: 'test', offset });
  }
}

const page = (seed: number) =>
  Uint8Array.from({ length: 4096 }, (_, i) => (i % 64 === 0 ? (seed * 31 + i / 64) & 0xff : seed & 0xff));
const open = (bytes: Uint8Array) => openImage([new Counted(bytes)]);
async function frameOf(bytes: Uint8Array, frame: number): Promise<Uint8Array | string> {
  const image = await open(bytes);
  const view = image.frame(pfn(frame));
  return view === null ? image.why(pfn(frame)).reason : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Stretches of physical memory: where each begins, and its bytes or why there are none. */
const read = (image: DumpImage, address: number, length: number) =>
  [...new PhysicalMemory(image).read(address, length)].map(({ address: at, bytes, gap }) => [
    at,
    bytes === null ? gap?.reason : Buffer.from(bytes).toString('hex'),
  ]);

const VMCOREINFO = { name: 'VMCOREINFO', type: 0, desc: Buffer.from('OSRELEASE=1.2.3\n') };

describe('kdump-compressed', () => {
  const pages = new Map<number, Uint8Array | null | 'unwritten'>([
    [0, page(0)],
    [1, null],
    [2, page(2)],
    [40000, page(9)],
    [40001, 'unwritten'],
  ]);
  const wish: KdumpWish = { version: 6, packing: 'zlib', pages, frames: 50000, notes: [VMCOREINFO] };

  describe.each([1, 2, 3, 4, 5, 6])('version %i', (version) => {
    test.each(['raw', 'zlib', 'lzo', 'snappy', 'zstd'] as Packing[])('pages %s', async (packing) => {
      const file = kdump({ ...wish, version, packing });
      expect(await frameOf(file, 0)).toEqual(page(0));
      expect(await frameOf(file, 2)).toEqual(page(2));
      expect(await frameOf(file, 40000)).toEqual(page(9));
    });

    test('why a page is missing', async () => {
      const file = kdump({ ...wish, version });
      const reasons = await Promise.all([1, 3, 40001, 49999, 50000, 2 ** 40 - 1].map((frame) => frameOf(file, frame)));
      expect(reasons).toEqual(['excluded', 'outside', 'cut-off', 'outside', 'outside', 'outside']);
    });

    test('VMCOREINFO from the notes or the sub-header, as far as the version has them', async () => {
      const told = async (more: Partial<KdumpWish>) =>
        (await open(kdump({ ...wish, version, ...more }))).reader.vmcoreinfo?.text() ?? null;
      expect(await told({})).toBe(version >= 4 ? 'OSRELEASE=1.2.3\n' : null);
      expect(await told({ notes: [], vmcoreinfo: 'OSRELEASE=4.5.6\n' })).toBe(
        version >= 3 ? 'OSRELEASE=4.5.6\n' : null,
      );
    });
  });

  test('one bitmap instead of two', async () => {
    const file = kdump({ ...wish, singleBitmap: true, frames: 32768 * 2 });
    expect(await frameOf(file, 40000)).toEqual(page(9));
    expect(await frameOf(file, 1)).toBe('outside');
  });

  test.each([
    ['one bit of a zlib page', (file: Buffer) => file.subarray(0, -20)],
    ['the last page', (file: Buffer) => file.subarray(0, -1)],
  ])('cut off: %s', async (_name, cut) => {
    expect(await frameOf(cut(kdump(wish)), 40000)).toBe('cut-off');
    expect(await frameOf(cut(kdump(wish)), 0)).toEqual(page(0));
  });

  test('cut anywhere it is refused, or says so of the pages that are gone, and gives the others', async () => {
    const whole = kdump({ ...wish, packing: 'raw' });
    for (let size = 0; size < whole.length; size += 997) {
      const file = new Counted(whole.subarray(0, size));
      const image = await openImage([file]).catch((error: unknown) => error as Error);
      if (image instanceof Error) {
        expect(image.name === 'DumpError' || size < 8192 + 4 * 4096).toBe(true);
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
    ['another machine', { machine: 'aarch64' }, /a dump of machine aarch64/],
    ['a later version', { version: 7 }, /version 7; 1 to 6 are known/],
  ])('refused: %s', async (_name, more, message) => {
    await expect(open(kdump({ ...wish, ...more }))).rejects.toThrow(message);
  });

  test.each([
    ['a page that is longer than two', (d: Buffer) => d.writeUInt32LE(8193, 8)],
    ['an unknown compression', (d: Buffer) => d.writeUInt32LE(0x40, 12)],
    ['a raw page that is no page', (d: Buffer) => d.writeUInt32LE(0, 12)],
    ['a page of another codec', (d: Buffer) => d.writeUInt32LE(2, 12)],
  ])('undecodable: %s', async (_name, damage) => {
    const file = kdump(wish);
    const start = 4096 * (2 + 2 * Math.ceil(50000 / 8 / 4096));
    damage(file.subarray(start, start + 24));
    expect(await frameOf(file, 0)).toBe('undecodable');
    expect(await frameOf(file, 2)).toEqual(page(2));
  });
});

describe('ELF', () => {
  const whole = (paddr: number, seeds: readonly number[]) => ({ paddr, bytes: Buffer.concat(seeds.map(page)) });

  test('segments by physical address, whatever p_vaddr says', async () => {
    const segments = [
      whole(0x100000, [1, 2]),
      { ...whole(0x1000, [3]), vaddr: 0xffffffff81000000n },
      whole(2 ** 40, [4]),
    ];
    const file = elfCore({ segments, notes: [VMCOREINFO] });
    expect(await frameOf(file, 0x100)).toEqual(page(1));
    expect(await frameOf(file, 0x101)).toEqual(page(2));
    expect(await frameOf(file, 1)).toEqual(page(3));
    expect(await frameOf(file, 2 ** 28)).toEqual(page(4));
    expect(await frameOf(file, 2)).toBe('outside');
    expect((await open(file)).reader.vmcoreinfo?.text()).toBe('OSRELEASE=1.2.3\n');
  });

  test('more than 65,535 program headers', async () => {
    const file = elfCore({ segments: [whole(0x5000, [7])], empty: 70000, notes: [VMCOREINFO] });
    expect(await frameOf(file, 5)).toEqual(page(7));
    expect((await open(file)).reader.vmcoreinfo).not.toBeNull();
  });

  test('as many segments, each of one page, every second one there', async () => {
    const segments = Array.from({ length: 66000 }, (_, i) => ({
      paddr: i * 0x2000,
      bytes: Buffer.alloc(4096, i & 0xff),
    }));
    const image = await open(elfCore({ segments }));
    for (const i of [0, 1, 32768, 65535, 65999]) {
      expect(image.frame(pfn(i * 2))?.getUint8(0)).toBe(i & 0xff);
      expect(image.frame(pfn(i * 2 + 1))).toBeNull();
    }
  });

  test('a page over two segments, one covered in part, one left out', async () => {
    const bytes = Buffer.from(page(5));
    const file = elfCore({
      segments: [
        { paddr: 0x1000, bytes: bytes.subarray(0, 0x800) },
        { paddr: 0x1800, bytes: bytes.subarray(0x800) },
        { paddr: 0x3000, bytes: bytes.subarray(0, 0x400), memsz: 0x3000 },
      ],
    });
    expect(await frameOf(file, 1)).toEqual(page(5));
    // What no segment has of a page is not known: it is not zero.
    expect(await frameOf(file, 3)).toBe('outside');
    expect(read(await open(file), 0x2ff0, 0x420)).toEqual([
      [0x2ff0, 'outside'],
      [0x3000, Buffer.from(bytes.subarray(0, 0x400)).toString('hex')],
      [0x3400, 'excluded'],
    ]);
    expect(await frameOf(file, 4)).toBe('excluded');
    expect(await frameOf(file, 6)).toBe('outside');
  });

  test('where segments overlap the first in the file counts', async () => {
    const file = elfCore({ segments: [whole(0x2000, [1]), whole(0x1000, [2, 3, 4])] });
    expect(await Promise.all([1, 2, 3].map((frame) => frameOf(file, frame)))).toEqual([page(2), page(1), page(4)]);
  });

  test('a million segments in any order are opened and found', async () => {
    const count = 2 ** 20;
    const bytes = Buffer.from([7]);
    const image = await open(
      elfCore({
        segments: Array.from({ length: count }, (_, i) => ({ paddr: (count - i) * 4096, bytes, memsz: 4096 })),
      }),
    );
    expect([1, 2, count].map((frame) => read(image, frame * 4096, 1))).toEqual(
      [1, 2, count].map((frame) => [[frame * 4096, '07']]),
    );
    expect(image.why(pfn(count + 1)).reason).toBe('outside');
  });

  test('a page behind the end of the file is cut off', async () => {
    const file = elfCore({ segments: [whole(0x1000, [1, 2])] });
    expect(await frameOf(file.subarray(0, -1), 2)).toBe('cut-off');
    expect(await frameOf(file.subarray(0, -1), 1)).toEqual(page(1));
  });

  test.each([
    [183, 4, /an ELF of machine aarch64/],
    [22, 4, /s390/],
    [62, 2, /not a core dump/],
  ])('machine %i, type %i is refused', async (machine, type, message) => {
    await expect(open(elfCore({ segments: [], machine, type }))).rejects.toThrow(message);
  });

  test('random segments read as a model of memory says', async () => {
    const segment = fc.record({
      start: fc.nat(40),
      length: fc.integer({ min: 1, max: 24 }),
      tail: fc.nat(6),
      seed: fc.nat(255),
    });
    const UNIT = 0x400;
    await fc.assert(
      fc.asyncProperty(fc.array(segment, { minLength: 1, maxLength: 6 }), async (list) => {
        const model = new Map<number, number | null>();
        for (const { start, length, tail, seed } of list)
          for (let i = 0; i < length + tail; i++)
            if (!model.has(start + i)) model.set(start + i, i < length ? seed : null);
        const image = await open(
          elfCore({
            segments: list.map(({ start, length, tail, seed }) => ({
              paddr: start * UNIT,
              bytes: Buffer.alloc(length * UNIT, seed),
              memsz: (length + tail) * UNIT,
            })),
          }),
        );
        for (let frame = 0; frame < 18; frame++) {
          const units = [0, 1, 2, 3].map((i) => model.get(frame * 4 + i));
          const view = image.frame(pfn(frame));
          if (units.some((unit) => unit === undefined || unit === null)) expect(view).toBeNull();
          else expect([0, 1, 2, 3].map((i) => view?.getUint8(i * UNIT))).toEqual(units);
          for (const [i, unit] of units.entries()) {
            const [[, found] = []] = read(image, (frame * 4 + i) * UNIT, 1);
            if (typeof unit === 'number') expect(found).toBe(unit.toString(16).padStart(2, '0'));
            else expect(found).toMatch(/outside|excluded/);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('bitmaps', () => {
  test('bits are counted as a slow count does, from anywhere', () => {
    const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 2654435761) >>> (i % 24));
    const before = [0];
    for (const byte of bytes)
      before.push((before.at(-1) ?? 0) + [0, 1, 2, 3, 4, 5, 6, 7].reduce((sum, bit) => sum + ((byte >> bit) & 1), 0));
    const bitmap = new Bitmap(new Counted(bytes), 0, bytes.length, 'test');
    for (let i = 0; i < 3000; i++) {
      const frame = (i * 7919 * 547) % (bytes.length * 8);
      const byte = bytes[frame >> 3] ?? 0;
      const inside = [0, 1, 2, 3, 4, 5, 6, 7].slice(0, frame & 7).reduce((sum, bit) => sum + ((byte >> bit) & 1), 0);
      expect(bitmap.rank(frame)).toBe((before[frame >> 3] ?? 0) + inside);
      expect(bitmap.has(frame)).toBe(((byte >> (frame & 7)) & 1) === 1);
    }
  });

  test('a low frame of a bitmap for 16 TiB is found without reading the rest', () => {
    const length = 2 ** 32 / 8;
    let reads = 0;
    const file: ByteSource = {
      name: 'test',
      size: length,
      read: (offset, size) => {
        reads++;
        return Bytes.of(new Uint8Array(size), { source: 'test', offset });
      },
    };
    const bitmap = new Bitmap(file, 0, length, 'test');
    bitmap.rank(1_000_000);
    expect(reads).toBeLessThan(5);
  });
});

describe('files', () => {
  test('a place that can not be read is a gap there, and nowhere else', async () => {
    const bytes = elfCore({ segments: [{ paddr: 0, bytes: Buffer.concat([page(1), page(2), page(3)]) }] });
    const file = new Counted(bytes);
    const read = file.read.bind(file);
    const middle = bytes.indexOf(page(2));
    file.read = (offset, length) => {
      if (offset < middle + 4096 && offset + length > middle) throw new DumpError('page: input/output error');
      return read(offset, length);
    };
    const image = await openImage([file]);
    expect([0, 1, 2].map((frame) => image.frame(pfn(frame))?.getUint8(1))).toEqual([1, undefined, 3]);
    expect(image.why(pfn(1))).toEqual({ reason: 'unreadable', message: 'page: input/output error' });
  });

  test('a FIFO is refused at once', () => {
    const path = scratch();
    spawnSync('mkfifo', [path]);
    expect(() => FileSource.open(path)).toThrow(/not a regular file, a dump is needed/);
  });

  const scratch = () => join(mkdtempSync(join(tmpdir(), 'kvm-vtop-')), 'file');

  test('a file far larger than memory opens, and its end is read', async () => {
    const path = scratch();
    const size = 2 ** 41;
    const head = elfCore({ segments: [{ paddr: 0, bytes: page(1) }] });
    // One segment of 2 TiB in a file of holes.
    head.writeBigUInt64LE(BigInt(size), 64 + 56 + 32);
    head.writeBigUInt64LE(BigInt(size), 64 + 56 + 40);
    writeFileSync(path, head);
    truncateSync(path, size + 4096);
    const image = await openImage([FileSource.open(path)]);
    expect(image.frame(pfn(0))?.getUint8(1)).toBe(page(1)[1]);
    expect(image.frame(pfn(2 ** 28))?.getUint8(0)).toBe(0);
    expect(image.why(pfn(2 ** 29)).reason).toBe('outside');
  });

  test('a file that becomes shorter while it is read is an error with the offset', () => {
    const path = scratch();
    writeFileSync(path, Buffer.alloc(0x40000, 1));
    const file = FileSource.open(path);
    truncateSync(path, 0x21000);
    expect(file.read(0x10000, 16, 'page').u8(0)).toBe(1);
    expect(() => file.read(0x30000, 16, 'page')).toThrow(/0x30000: page: the file has become shorter/);
    // What is still there of a block, again and again.
    for (let i = 0; i < 2; i++) {
      expect(file.read(0x20ff0, 16, 'page').u8(15)).toBe(1);
      expect(() => file.read(0x20ff8, 16, 'page')).toThrow(/0x21000: page: the file has become shorter/);
    }
  });

  test('blocks are read once while they are kept, and neighbours come along', () => {
    const path = scratch();
    writeFileSync(
      path,
      Uint8Array.from({ length: 0x50000 }, (_, i) => i >> 8),
    );
    const file = FileSource.open(path);
    for (const [offset, length] of [
      [0, 1],
      [0xffff, 2],
      [0x1fff0, 0x20],
      [5, 0x4f000],
    ] as const) {
      const bytes = file.read(offset, length, 'test').array();
      expect(bytes.length).toBe(length);
      expect([bytes[0], bytes.at(-1)]).toEqual([(offset >> 8) & 0xff, ((offset + length - 1) >> 8) & 0xff]);
    }
    expect(() => file.read(0x4ffff, 2, 'page descriptor')).toThrow(
      /is truncated or damaged: it ends at 0x50000, its page descriptor at 0x4ffff needs 2 bytes/,
    );
  });
});
