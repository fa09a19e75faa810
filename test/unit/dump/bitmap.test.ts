// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from '@jest/globals';
import { Bytes } from '../../../src/core/bytes.js';
import type { ByteSource } from '../../../src/core/memory.js';
import { Bitmap } from '../../../src/dump/bitmap.js';
import { FileInMemory } from '../../build/images.js';

describe('bitmaps', () => {
  test('the count of bits up to any frame equals a slow count', () => {
    const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 2654435761) >>> (i % 24));
    const before = [0];
    for (const byte of bytes)
      before.push((before.at(-1) ?? 0) + [0, 1, 2, 3, 4, 5, 6, 7].reduce((sum, bit) => sum + ((byte >> bit) & 1), 0));
    const bitmap = new Bitmap(new FileInMemory(bytes), 0, bytes.length, 'test');
    for (let i = 0; i < 3000; i++) {
      const frame = (i * 7919 * 547) % (bytes.length * 8);
      const byte = bytes[frame >> 3] ?? 0;
      const inside = [0, 1, 2, 3, 4, 5, 6, 7].slice(0, frame & 7).reduce((sum, bit) => sum + ((byte >> bit) & 1), 0);
      expect(bitmap.rank(frame)).toBe((before[frame >> 3] ?? 0) + inside);
      expect(bitmap.has(frame)).toBe(((byte >> (frame & 7)) & 1) === 1);
    }
  });

  test('a low frame in a bitmap for 16 TiB is found without reading the rest', () => {
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
