// SPDX-License-Identifier: Apache-2.0
// Dumps of machines with terabytes of memory, as sparse files.
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { openImage } from '../../../src/open.js';
import { elfCore, kdump } from '../../build/files.js';
import { framesIn } from '../../build/images.js';
import { plainPage as page } from '../../build/pages.js';
import { scratch } from '../../build/scratch.js';

const { folder } = scratch('large');

describe('dumps of large machines, sparse', () => {
  const sparse = (name: string, pieces: readonly (readonly [number, Uint8Array])[], size: number) => {
    const path = join(folder, name);
    const descriptor = openSync(path, 'w');
    ftruncateSync(descriptor, size);
    for (const [at, bytes] of pieces) writeSync(descriptor, bytes, 0, bytes.length, at);
    closeSync(descriptor);
    return path;
  };

  test('an ELF core of 2 TiB', async () => {
    const head = elfCore({ segments: [{ paddr: 0, bytes: new Uint8Array(0), memsz: 2 ** 41 }] });
    // p_filesz equals p_memsz.
    head.writeBigUInt64LE(2n ** 41n, 64 + 56 + 32);
    const start = head.length;
    const path = sparse(
      'large.elf',
      [
        [0, head],
        [start + 2 ** 40, page(7)],
      ],
      start + 2 ** 41,
    );
    expect((await framesIn([path], [2 ** 28, 2 ** 28 + 1, 2 ** 29])).found).toEqual([7, 0, 'outside']);
  });

  test('a kdump with bitmaps for 16 TiB', async () => {
    const small = kdump({ version: 6, packing: 'raw', pages: new Map([[5, page(5)]]), frames: 32 });
    const [half, table] = [2 ** 32 / 8, 8192 + 2 ** 30];
    const head = Buffer.from(small.subarray(0, 8192));
    head.writeUInt32LE((2 * half) / 4096, 436);
    head.writeBigUInt64LE(2n ** 32n, 4096 + 96);
    const descriptor = Buffer.from(small.subarray(8192 + 2 * 4096, 8192 + 2 * 4096 + 24));
    descriptor.writeBigUInt64LE(BigInt(table + 24), 0);
    const bit = Buffer.from([1 << 5]);
    const path = sparse(
      'large.kdump',
      [
        [0, head],
        [8192, bit],
        [8192 + half, bit],
        [table, descriptor],
        [table + 24, page(5)],
      ],
      table + 24 + 4096,
    );
    expect((await framesIn([path], [5, 6, 2 ** 32])).found).toEqual([5, 'outside', 'outside']);
    // A hole of 100 GB is one piece, and is not read page by page.
    const { memory, close } = await openImage([path]);
    expect([...memory.read(0x5fff, 10 ** 11 + 1)].map(({ length, gap }) => [length, gap?.reason])).toEqual([
      [1, undefined],
      [10 ** 11, 'outside'],
    ]);
    close();
  });
});
