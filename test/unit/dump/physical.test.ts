// SPDX-License-Identifier: Apache-2.0
// Physical memory in pieces: the bytes of each, or the reason why they are missing.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openImage } from '../../../src/open.js';
import { elfCore, type KdumpWish, kdump } from '../../build/files.js';
import { plainPage as page } from '../../build/pages.js';
import { scratch } from '../../build/scratch.js';

const { file } = scratch('physical');

test('a long piece equals its pages, read one by one', async () => {
  const kinds = ['page', 'left out', 'unwritten', 'none'] as const;
  const runs = fc.array(fc.tuple(fc.constantFrom(...kinds), fc.integer({ min: 1, max: 40 })), { minLength: 1 });
  const forms = {
    kdump: (pages: KdumpWish['pages'], frames: number) => [kdump({ version: 6, packing: 'zlib', pages, frames })],
    'a part': (pages: KdumpWish['pages'], frames: number) => [
      kdump({ version: 6, packing: 'zlib', pages, frames, part: [Math.floor(frames / 3), Math.floor(frames / 2)] }),
    ],
    ELF: (pages: KdumpWish['pages']) => {
      const own = [...pages].filter(([, bytes]) => bytes !== 'unwritten') as [number, Uint8Array | null][];
      return [
        elfCore({
          segments: own.map(([frame, bytes]) => ({
            paddr: frame * 4096,
            bytes: bytes ?? new Uint8Array(0),
            memsz: 4096,
          })),
        }),
      ];
    },
  };
  await fc.assert(
    fc.asyncProperty(runs, fc.constantFrom(...Object.values(forms)), async (list, write) => {
      const each = list.flatMap(([kind, length]) => Array.from({ length }, () => kind));
      const pages = new Map<number, Uint8Array | null | 'unwritten'>();
      for (const [frame, kind] of each.entries())
        if (kind !== 'none') pages.set(frame, kind === 'page' ? page(1) : kind === 'left out' ? null : 'unwritten');
      const { memory, close } = await openImage(write(pages, each.length).map((bytes) => file(bytes, 'stretches')));
      const whole = [...memory.read(0, (each.length + 3) * 4096)].flatMap(({ length, gap }) =>
        Array.from({ length: length / 4096 }, () => gap?.reason),
      );
      const single = whole.map((_, frame) => [...memory.read(frame * 4096, 4096)][0]?.gap?.reason);
      close();
      expect(whole).toEqual(single);
      expect(whole).toHaveLength(each.length + 3);
    }),
    { numRuns: 150 },
  );
});

test('segments with any bounds: each byte is right, and bytes in no segment are missing', async () => {
  const END = 6 * 4096;
  /** Gaps between segments, their bytes in the file, and further bytes in memory. */
  const pieces = fc.array(fc.tuple(fc.nat(3000), fc.nat(5000), fc.oneof(fc.constant(0), fc.nat(3000))), {
    minLength: 1,
    maxLength: 8,
  });
  const byteAt = (address: number) => ((address * 7) ^ (address >> 8)) & 0xff;
  await fc.assert(
    fc.asyncProperty(pieces, fc.nat(END), fc.nat(END), async (list, from, length) => {
      const truth = new Map<number, 'there' | 'excluded'>();
      let end = 0;
      const segments = list.flatMap(([gap, size, more]) => {
        const paddr = end + gap;
        if (paddr + size + more > END) return [];
        end = paddr + size + more;
        for (let i = 0; i < size + more; i++) truth.set(paddr + i, i < size ? 'there' : 'excluded');
        return [{ paddr, bytes: Uint8Array.from({ length: size }, (_, i) => byteAt(paddr + i)), memsz: size + more }];
      });
      const { memory, close } = await openImage([file(elfCore({ segments }), 'pieces')]);
      let at = from;
      const wrong: number[] = [];
      for (const { address, length: count, bytes, gap } of memory.read(from, length)) {
        expect(address).toBe(at);
        for (; at < address + count; at++) {
          const found = bytes === null ? gap?.reason : bytes[at - address] === byteAt(at) ? 'there' : 'another byte';
          if (found !== (truth.get(at) ?? 'outside')) wrong.push(at);
        }
      }
      expect(wrong).toEqual([]);
      expect(at).toBe(from + length);
      close();
    }),
    { numRuns: 200 },
  );
});
