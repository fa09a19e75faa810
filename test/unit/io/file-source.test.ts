// SPDX-License-Identifier: Apache-2.0
// Files of dumps: blocks, the end of the file, and places that cannot be read.
import { truncateSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { pfn } from '../../../src/core/address.js';
import { DumpError } from '../../../src/core/errors.js';
import { openImage } from '../../../src/dump/open.js';
import { FileSource } from '../../../src/io/file-source.js';
import { elfCore } from '../../build/files.js';
import { FileInMemory, pageOf } from '../../build/images.js';
import { scratch } from '../../build/scratch.js';

const { file: written } = scratch('file-source');

test('a place that cannot be read is a gap; the rest is not affected', async () => {
  const bytes = elfCore({ segments: [{ paddr: 0, bytes: Buffer.concat([pageOf(1), pageOf(2), pageOf(3)]) }] });
  const file = new FileInMemory(bytes);
  const read = file.read.bind(file);
  const middle = bytes.indexOf(pageOf(2));
  file.read = (offset, length) => {
    if (offset < middle + 4096 && offset + length > middle) throw new DumpError('page: input/output error');
    return read(offset, length);
  };
  const image = await openImage([file]);
  expect([0, 1, 2].map((frame) => image.frame(pfn(frame))?.getUint8(1))).toEqual([1, undefined, 3]);
  expect(image.why(pfn(1))).toEqual({ reason: 'unreadable', message: 'page: input/output error' });
});

test('a file that is truncated while it is read is an error with the offset', () => {
  const path = written(Buffer.alloc(0x40000, 1));
  const file = FileSource.open(path);
  truncateSync(path, 0x21000);
  expect(file.read(0x10000, 16, 'page').u8(0)).toBe(1);
  expect(() => file.read(0x30000, 16, 'page')).toThrow(/0x30000: page: the file became shorter/);
  // The rest of the block can be read repeatedly.
  for (let i = 0; i < 2; i++) {
    expect(file.read(0x20ff0, 16, 'page').u8(15)).toBe(1);
    expect(() => file.read(0x20ff8, 16, 'page')).toThrow(/0x21000: page: the file became shorter/);
  }
});

test('reads inside a block, across several, and past the end', () => {
  const path = written(Uint8Array.from({ length: 0x50000 }, (_, i) => i >> 8));
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
    /is truncated or damaged: its page descriptor at 0x4ffff needs 2 bytes, but the file ends at 0x50000/,
  );
});
