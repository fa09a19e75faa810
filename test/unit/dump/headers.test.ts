// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pfn } from '../../../src/core/address.js';
import { BytesSource } from '../../../src/core/bytes-source.js';
import { DumpError } from '../../../src/core/errors.js';
import { openImage } from '../../../src/dump/open.js';
import { WORDS } from '../../build/damage.js';
import { elfCore, kdump } from '../../build/files.js';

describe('headers of dump files with one damaged field: every page is right or missing', () => {
  const page = (seed: number) => Uint8Array.from({ length: 4096 }, (_, i) => (seed * 37 + (i >> 6)) & 0xff);
  const pages = new Map(Array.from({ length: 24 }, (_, i) => [i < 12 ? i : 3 * i, page(i)] as const));
  const open = (bytes: Uint8Array) => openImage([new BytesSource('test', bytes)]);
  const isRight = async (bytes: Uint8Array): Promise<boolean> => {
    const image = await open(bytes).catch((error: unknown) => {
      if (error instanceof DumpError) return null;
      throw error;
    });
    return [...pages].every(([frame, own]) => {
      const view = image?.frame(pfn(frame)) ?? null;
      return view === null || Buffer.from(view.buffer, view.byteOffset, 4096).equals(own);
    });
  };
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    width: fc.constantFrom(1, 2, 4, 8),
    value: fc.oneof(fc.constantFrom(...WORDS.map(BigInt)), fc.bigInt(0n, (1n << 64n) - 1n)),
  });
  const changed = (bytes: Buffer, [from, to]: readonly [number, number], { at, width, value }: ChangeOf) => {
    const out = Buffer.from(bytes);
    const word = Buffer.alloc(8);
    word.writeBigUInt64LE(value);
    const place = from + Math.floor((at * (to - from)) / width) * width;
    word.copy(out, place, 0, width);
    return out;
  };
  type ChangeOf = { readonly at: number; readonly width: number; readonly value: bigint };

  test.each([1, 2, 3, 4, 5, 6])('kdump-compressed, version %d', async (version) => {
    const bytes = kdump({ version, packing: 'zlib', pages, frames: 90 });
    expect(await isRight(bytes)).toBe(true);
    await fc.assert(
      fc.asyncProperty(fc.boolean(), change, async (isSub, wish) => {
        expect(await isRight(changed(bytes, isSub ? [4096, 4096 + 104] : [0, 464], wish))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('ELF', async () => {
    const segments = [...pages].map(([frame, bytes]) => ({
      paddr: frame * 4096,
      bytes,
      vaddr: 0xffff888000000000n + BigInt(frame * 4096),
    }));
    const bytes = elfCore({ segments });
    expect(await isRight(bytes)).toBe(true);
    await fc.assert(
      fc.asyncProperty(change, async (wish) => {
        expect(await isRight(changed(bytes, [0, 64 + 56 * (segments.length + 1)], wish))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
