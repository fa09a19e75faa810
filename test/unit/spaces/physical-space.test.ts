// SPDX-License-Identifier: Apache-2.0
// Physical memory as runs: what the dump has, and why the rest is missing.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openImage } from '../../../src/dump/open.js';
import { PhysicalSpace } from '../../../src/spaces/physical-space.js';
import { elfCore, type KdumpWish, kdump } from '../../build/files.js';
import { FileInMemory, open } from '../../build/images.js';
import { plainPage as page } from '../../build/pages.js';
import { expectAgreement, runsOf } from '../../build/runs.js';

const KINDS = ['page', 'left out', 'unwritten', 'none'] as const;
type Kind = (typeof KINDS)[number];

const contents = { page: page(1), 'left out': null, unwritten: 'unwritten' } as const;
const wishOf = (each: readonly Kind[]): KdumpWish => ({
  version: 6,
  packing: 'zlib',
  frames: each.length,
  pages: new Map(each.flatMap((kind, frame) => (kind === 'none' ? [] : [[frame, contents[kind]] as const]))),
});
const elfOf = (each: readonly Kind[]): Uint8Array =>
  elfCore({
    segments: each.flatMap((kind, frame) =>
      kind === 'page' || kind === 'left out'
        ? [{ paddr: frame * 4096, bytes: contents[kind] ?? new Uint8Array(0), memsz: 4096 }]
        : [],
    ),
  });
/** The files of a dump of these frames. */
const FORMS: Readonly<Record<string, (each: readonly Kind[]) => Uint8Array[]>> = {
  kdump: (each) => [kdump(wishOf(each))],
  'two parts': (each) => {
    const middle = Math.floor(each.length / 3);
    return [kdump({ ...wishOf(each), part: [0, middle] }), kdump({ ...wishOf(each), part: [middle, each.length] })];
  },
  'a part': (each) => [kdump({ ...wishOf(each), part: [Math.floor(each.length / 3), Math.floor(each.length / 2)] })],
  ELF: (each) => [elfOf(each)],
};

const memories = fc
  .record({
    list: fc.array(fc.tuple(fc.constantFrom(...KINDS), fc.integer({ min: 1, max: 40 })), { minLength: 1 }),
    form: fc.constantFrom(...Object.keys(FORMS)),
    /** Number of bytes of the last file that are kept. */
    part: fc.constantFrom(1, 1, 0.99, 0.9),
  })
  .map(({ list, form, part }) => {
    const each = list.flatMap(([kind, length]) => Array.from({ length }, () => kind));
    const files = FORMS[form]?.(each) ?? [];
    const last = files.length - 1;
    return {
      each,
      files: files.map((file, i) => (i === last ? file.subarray(0, Math.ceil(file.length * part)) : file)),
    };
  });

test('runs, single answers and bytes agree', async () => {
  await fc.assert(
    fc.asyncProperty(memories, async ({ each, files }) => {
      const image = await openImage(files.map((bytes) => new FileInMemory(bytes))).catch(() => null);
      if (image === null) return;
      const space = new PhysicalSpace(image);
      const end = each.length + 3;
      const runs = runsOf(space, 0, end);
      expectAgreement(space, runs, ({ page: first, pages }) => Array.from({ length: pages }, (_, i) => first + i));
      const told = runs.flatMap(({ pages, reason }) => new Array<string | null>(pages).fill(reason));
      const found = Array.from({ length: end }, (_, frame) => space.bytes(frame));
      expect(found.map((bytes) => (bytes instanceof DataView ? null : bytes.reason))).toEqual(told);
    }),
    { numRuns: 150 },
  );
});

test('runs of a dump', async () => {
  const kinds: Kind[] = ['none', 'page', 'page', 'left out', 'left out', 'unwritten', 'unwritten', 'page', 'none'];
  const space = new PhysicalSpace(await open(kdump(wishOf(kinds))));
  const rows = (first: number, end: number) =>
    runsOf(space, first, end).map(({ page: at, pages, state, reason, frame }) => [at, pages, reason ?? state, frame]);
  expect(rows(0, 12)).toEqual([
    [0, 1, 'outside', null],
    [1, 2, 'mapped', 1],
    [3, 2, 'excluded', null],
    [5, 2, 'cut-off', null],
    [7, 1, 'mapped', 7],
    [8, 4, 'outside', null],
  ]);
  expect(rows(2, 4)).toEqual([
    [2, 1, 'mapped', 2],
    [3, 1, 'excluded', null],
  ]);
  expect(rows(8, 2 ** 40 + 5)).toEqual([[8, 2 ** 40 - 3, 'outside', null]]);
  expect(rows(2 ** 40 + 1, 2 ** 40 + 5)).toEqual([[2 ** 40 + 1, 4, 'outside', null]]);
  expect(rows(4, 4)).toEqual([]);
  expect(space.limit).toBe(9);
  expect(space.page(2 ** 40).message).toBe('physical addresses end at 2^52');
  expect((space.bytes(1) as DataView).getUint8(9)).toBe(1);
  expect(space.bytes(3)).toMatchObject({ reason: 'excluded', by: 'makedumpfile' });
});

test('a page whose data is damaged is in the index; only its bytes report the damage', async () => {
  const bytes = kdump(wishOf(['page', 'page', 'page']));
  bytes.fill(0xff, bytes.length - 10);
  const space = new PhysicalSpace(await open(bytes));
  expect(runsOf(space, 0, 3).map(({ pages, state }) => [pages, state])).toEqual([[3, 'mapped']]);
  expect(space.bytes(2)).toMatchObject({ reason: 'undecodable' });
});
