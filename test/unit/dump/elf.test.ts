// SPDX-License-Identifier: Apache-2.0
// ELF cores: which bytes of memory their segments contain, and why others are missing.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pfn } from '../../../src/core/address.js';
import { elfCore } from '../../build/files.js';
import { frameOf, open, pageOf, stretches } from '../../build/images.js';

const VMCOREINFO = { name: 'VMCOREINFO', type: 0, desc: Buffer.from('OSRELEASE=1.2.3\n') };

describe('ELF', () => {
  const whole = (paddr: number, seeds: readonly number[]) => ({ paddr, bytes: Buffer.concat(seeds.map(pageOf)) });

  test('segments are found by physical address, whatever p_vaddr is', async () => {
    const segments = [
      whole(0x100000, [1, 2]),
      { ...whole(0x1000, [3]), vaddr: 0xffffffff81000000n },
      whole(2 ** 40, [4]),
    ];
    const file = elfCore({ segments, notes: [VMCOREINFO] });
    expect(await frameOf(file, 0x100)).toEqual(pageOf(1));
    expect(await frameOf(file, 0x101)).toEqual(pageOf(2));
    expect(await frameOf(file, 1)).toEqual(pageOf(3));
    expect(await frameOf(file, 2 ** 28)).toEqual(pageOf(4));
    expect(await frameOf(file, 2)).toBe('outside');
    expect((await open(file)).reader.vmcoreinfo?.text()).toBe('OSRELEASE=1.2.3\n');
  });

  test('more than 65,535 program headers are read', async () => {
    const file = elfCore({ segments: [whole(0x5000, [7])], empty: 70000, notes: [VMCOREINFO] });
    expect(await frameOf(file, 5)).toEqual(pageOf(7));
    expect((await open(file)).reader.vmcoreinfo).not.toBeNull();
  });

  test('the same number of segments of one page each, with a gap after each', async () => {
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

  test('a page in two segments, one partly covered, one left out', async () => {
    const bytes = Buffer.from(pageOf(5));
    const file = elfCore({
      segments: [
        { paddr: 0x1000, bytes: bytes.subarray(0, 0x800) },
        { paddr: 0x1800, bytes: bytes.subarray(0x800) },
        { paddr: 0x3000, bytes: bytes.subarray(0, 0x400), memsz: 0x3000 },
      ],
    });
    expect(await frameOf(file, 1)).toEqual(pageOf(5));
    // Bytes of a page that are in no segment are unknown, not zero.
    expect(await frameOf(file, 3)).toBe('outside');
    expect(stretches(await open(file), 0x2ff0, 0x420)).toEqual([
      [0x2ff0, 'outside'],
      [0x3000, Buffer.from(bytes.subarray(0, 0x400)).toString('hex')],
      [0x3400, 'excluded'],
    ]);
    expect(await frameOf(file, 4)).toBe('excluded');
    expect(await frameOf(file, 6)).toBe('outside');
  });

  test('where segments overlap, the first in the file counts', async () => {
    const file = elfCore({ segments: [whole(0x2000, [1]), whole(0x1000, [2, 3, 4])] });
    expect(await Promise.all([1, 2, 3].map((frame) => frameOf(file, frame)))).toEqual([
      pageOf(2),
      pageOf(1),
      pageOf(4),
    ]);
  });

  test('a million segments in random order are opened and found', async () => {
    const count = 2 ** 20;
    const bytes = Buffer.from([7]);
    const image = await open(
      elfCore({
        segments: Array.from({ length: count }, (_, i) => ({ paddr: (count - i) * 4096, bytes, memsz: 4096 })),
      }),
    );
    expect([1, 2, count].map((frame) => stretches(image, frame * 4096, 1))).toEqual(
      [1, 2, count].map((frame) => [[frame * 4096, '07']]),
    );
    expect(image.why(pfn(count + 1)).reason).toBe('outside');
  });

  test('a page after the end of the file is cut off', async () => {
    const file = elfCore({ segments: [whole(0x1000, [1, 2])] });
    expect(await frameOf(file.subarray(0, -1), 2)).toBe('cut-off');
    expect(await frameOf(file.subarray(0, -1), 1)).toEqual(pageOf(1));
  });

  test.each([
    [183, 4, /an ELF file of architecture aarch64/],
    [22, 4, /s390/],
    [62, 2, /not a core dump/],
  ])('machine %i, type %i is refused', async (machine, type, message) => {
    await expect(open(elfCore({ segments: [], machine, type }))).rejects.toThrow(message);
  });

  test('random segments read like a model of the memory', async () => {
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
            const [[, found] = []] = stretches(image, (frame * 4 + i) * UNIT, 1);
            if (typeof unit === 'number') expect(found).toBe(unit.toString(16).padStart(2, '0'));
            else expect(found).toMatch(/outside|excluded/);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
