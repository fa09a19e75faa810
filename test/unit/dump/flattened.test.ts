// SPDX-License-Identifier: Apache-2.0
// Flattened dumps (makedumpfile -F).
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { elfCore, flattened, inPieces, kdump, type Written } from '../../build/files.js';
import { framesIn } from '../../build/images.js';
import { ASKED, plainPage as page, RIGHT, WISH } from '../../build/pages.js';
import { scratch } from '../../build/scratch.js';

const { file } = scratch('flattened');

describe('flattened', () => {
  const plain = kdump(WISH);
  const ELF = elfCore({
    segments: [
      { paddr: 0x1000, bytes: page(1) },
      { paddr: 0x28000, bytes: page(40) },
    ],
  });

  test.each([[[4096]], [[100]], [[1]], [[7, 4096, 333]], [[1 << 20]]])(
    'kdump in records of %j bytes',
    async (sizes) => {
      const { found, said } = await framesIn([file(flattened(inPieces(plain, sizes)))], ASKED);
      expect({ found, said }).toEqual({ found: RIGHT, said: '' });
    },
  );

  test('ELF', async () => {
    expect((await framesIn([file(flattened(inPieces(ELF, [64, 1000])))], [1, 40, 2])).found).toEqual([
      1,
      40,
      'outside',
    ]);
  });

  test('records in any order; where they overlap the last one counts', async () => {
    const wrong = Buffer.from(plain.subarray(0, 4096)).fill(0xff, 8);
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(inPieces(plain, [512]), { minLength: Math.ceil(plain.length / 512) }),
        async (order) => {
          const records: Written[] = [[0, wrong], ...order];
          expect((await framesIn([file(flattened(records), 'shuffled')], ASKED)).found).toEqual(RIGHT);
        },
      ),
      { numRuns: 20 },
    );
  });

  test('cut off: the remaining pages are read, the others are cut off and never zeros, and there is a warning', async () => {
    const records = inPieces(plain, [64]);
    for (const kept of [1, 2, 5]) {
      const { found, said } = await framesIn([file(flattened(records.slice(0, -kept), true))], ASKED);
      expect(said).toMatch(/is truncated: the flattened dump has no end record/);
      for (const [i, byte] of found.entries()) expect([RIGHT[i], 'cut-off']).toContain(byte);
      expect(found).toContain('cut-off');
    }
  });

  test.each([2 ** 17, 2 ** 40])(
    'a record of %i bytes, more than the file has, does not make records after it its data',
    async (size) => {
      const records = inPieces(plain, [64]);
      const whole = flattened(records);
      for (let i = Math.floor((records.length * 3) / 4); i < records.length; i += 7) {
        const damaged = Buffer.from(whole);
        damaged.writeBigInt64BE(BigInt(size), 4096 + i * 80 + 8);
        const { found, said } = await framesIn([file(damaged)], ASKED);
        expect(said).toMatch(/is truncated/);
        for (const [at, byte] of found.entries()) expect([RIGHT[at], 'cut-off']).toContain(byte);
      }
    },
  );

  test('a hole is damage, not zeros', async () => {
    const records = inPieces(plain, [64]).filter((_, i, all) => i !== all.length - 2);
    expect((await framesIn([file(flattened(records))], ASKED)).found).toContain('cut-off');
  });

  test('a record at a large offset does not make the index exhaust memory', async () => {
    const head = elfCore({ segments: [{ paddr: 0x1000, bytes: page(1) }] });
    head.writeUInt16LE(0xffff, 56);
    head.writeBigUInt64LE(64n, 40);
    head.writeUInt32LE(0xffffffff, 64 + 44);
    await expect(
      framesIn(
        [
          file(
            flattened([
              [0, head],
              [2 ** 45, page(0)],
            ]),
          ),
        ],
        [1],
      ),
    ).rejects.toThrow(/too many to be valid/);
  });

  test('many records of which none follows its predecessor', async () => {
    const far = 0x100000;
    const records = Array.from(
      { length: 100_000 },
      (_, i): Written => [far + ((i * 7919) % 100_000) * 64, page(i).subarray(0, 1 + (i % 3))],
    );
    expect(await framesIn([file(flattened([...inPieces(plain, [512]), ...records]))], ASKED)).toEqual({
      found: RIGHT,
      said: '',
    });
  });

  test('zeros after the last record, and impossible records', async () => {
    const cut = Buffer.concat([flattened(inPieces(plain, [64]), true), Buffer.alloc(1 << 16)]);
    expect((await framesIn([file(cut)], ASKED)).said).toMatch(/no end/);
    const wild = flattened([[0, plain]]);
    wild.writeBigInt64BE(-5n, 4096 + 8);
    await expect(framesIn([file(wild)], ASKED)).rejects.toThrow(/invalid record: -5 bytes at offset 0 of the dump/);
    await expect(framesIn([file(flattened([], true))], ASKED)).rejects.toThrow(/ends before its first record/);
  });
});
