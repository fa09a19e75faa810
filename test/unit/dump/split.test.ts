// SPDX-License-Identifier: Apache-2.0
// Dumps in several files (makedumpfile --split).
import { describe, expect, test } from '@jest/globals';
import { flattened, inPieces, type KdumpWish, kdump } from '../../build/files.js';
import { framesIn } from '../../build/images.js';
import { ASKED, RIGHT, WISH } from '../../build/pages.js';
import { scratch } from '../../build/scratch.js';

const { file } = scratch('split');

describe('split', () => {
  const part = (start: number, end: number, more: Partial<KdumpWish> = {}) =>
    kdump({ ...WISH, part: [start, end], ...more });

  test.each([2, 4, 6])('version %i: all parts in any order, flattened or not', async (version) => {
    const paths = [
      file(part(40, 41, { version })),
      file(flattened(inPieces(part(0, 40, { version }), [512]))),
      file(part(41, 64, { version })),
    ];
    for (const order of [paths, [...paths].reverse()])
      expect(await framesIn(order, ASKED)).toEqual({ found: RIGHT, said: '' });
  });

  test('if a part is missing, its frames are named', async () => {
    const { found, said } = await framesIn([file(part(0, 40)), file(part(41, 64))], ASKED);
    expect(found).toEqual([1, 'excluded', 3, 'cut-off', 41, 'outside', 'outside']);
    expect(said).toMatch(/parts of the split dump are missing: frames 0x28 to 0x28$/);
    expect((await framesIn([file(part(0, 40))], ASKED)).said).toMatch(/: frames 0x28 to 0x3f/);
  });

  test.each([
    ['the same part twice', () => [part(0, 40), part(0, 40)], /contain the same frames/],
    [
      'parts of two dumps',
      () => [part(0, 40), part(40, 64, { timestamp: 7 })],
      /are parts of different dumps: .* written at/,
    ],
    ['a complete dump and a part', () => [kdump(WISH), part(0, 40)], /a whole dump, not a part of a split dump/],
  ])('%s', async (_name, make, message) => {
    await expect(
      framesIn(
        make().map((bytes) => file(bytes)),
        ASKED,
      ),
    ).rejects.toThrow(message);
  });
});
