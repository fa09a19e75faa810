// SPDX-License-Identifier: Apache-2.0
// Uncompressed memory: raw files, and LiME's ranges.
import { describe, expect, test } from '@jest/globals';
import { lime } from '../../build/files.js';
import { framesIn } from '../../build/images.js';
import { plainPage as page } from '../../build/pages.js';
import { scratch } from '../../build/scratch.js';

const { file } = scratch('raw');

describe('uncompressed memory', () => {
  const memory = Buffer.concat([page(0), page(1), page(2).subarray(0, 100)]);

  test('raw memory is read if --input-format says so', async () => {
    const path = file(memory);
    expect((await framesIn([path], [0, 1, 2, 3], 'raw')).found).toEqual([0, 1, 2, 'outside', 'outside']);
    await expect(framesIn([path], [0])).rejects.toThrow(/not a dump in a known format/);
  });

  const LIME = lime([
    { paddr: 0x1000, bytes: page(1) },
    { paddr: 0x100000, bytes: Buffer.concat([page(7), page(8)]) },
  ]);

  test('LiME: ranges and their ends', async () => {
    expect(await framesIn([file(LIME)], [0, 1, 2, 256, 257, 258])).toEqual({
      found: ['outside', 1, 'outside', 7, 8, 'outside'],
      said: '',
    });
    const cut = await framesIn([file(LIME.subarray(0, -10))], [256, 257]);
    expect(cut.found).toEqual([7, 'cut-off']);
    expect(cut.said).toMatch(/is truncated: 0x[0-9a-f]+ bytes of its last range are missing/);
    await expect(framesIn([file(Buffer.concat([LIME, Buffer.alloc(64)]))], [1])).rejects.toThrow(
      /invalid header of a memory range/,
    );
  });
});
