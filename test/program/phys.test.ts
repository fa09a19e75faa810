// SPDX-License-Identifier: Apache-2.0
// Physical memory as it is in the dump, and what stands for what is not.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { silentLog } from '../../src/core/log.js';
import { openImage } from '../../src/open.js';
import { elfCore, type KdumpWish, kdump } from '../build/files.js';
import { FIXTURES, kvmVtop } from '../run.js';

const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-phys-'));
function file(bytes: Uint8Array, name: string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const page = (seed: number) => Buffer.alloc(4096, seed);

test('a long stretch is told as its pages are, one by one', async () => {
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
      const { memory, close } = await openImage(
        write(pages, each.length).map((bytes) => file(bytes, 'stretches')),
        { log: silentLog },
      );
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

test('segments that begin and end anywhere: each byte is its own, and what no segment has is not there', async () => {
  const END = 6 * 4096;
  /** Ways between segments, their bytes in the file, and what they have in memory besides. */
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
      const { memory, close } = await openImage([file(elfCore({ segments }), 'pieces')], { log: silentLog });
      let at = from;
      const wrong: number[] = [];
      for (const { address, length: count, bytes, gap } of memory.read(from, length)) {
        expect(address).toBe(at);
        for (; at < address + count; at++) {
          const told = bytes === null ? gap?.reason : bytes[at - address] === byteAt(at) ? 'there' : 'another byte';
          if (told !== (truth.get(at) ?? 'outside')) wrong.push(at);
        }
      }
      expect(wrong).toEqual([]);
      expect(at).toBe(from + length);
      close();
    }),
    { numRuns: 200 },
  );
});

describe('phys', () => {
  const bytes = Buffer.from(Array.from({ length: 4096 }, (_, i) => i & 0xff));
  const path = file(
    elfCore({
      segments: [
        { paddr: 0x1000, bytes },
        { paddr: 0x3000, bytes: bytes.subarray(0, 20), memsz: 4096 },
      ],
    }),
    'phys',
  );
  const ask = (...words: string[]) => kvmVtop(['phys', '-c', path, ...words]);

  test('rows as xxd prints them', () => {
    expect(ask('103e', '-n', '37')).toEqual({
      status: 0,
      stderr: '',
      stdout:
        '0000103e: 3e3f 4041 4243 4445 4647 4849 4a4b 4c4d  >?@ABCDEFGHIJKLM\n' +
        '0000104e: 4e4f 5051 5253 5455 5657 5859 5a5b 5c5d  NOPQRSTUVWXYZ[\\]\n' +
        '0000105e: 5e5f 6061 62                             ^_`ab\n',
    });
  });

  test('what is not there, with its reason', () => {
    expect(ask('1ff8', '-n', '0x1030')).toEqual({
      status: 1,
      stderr: '',
      stdout:
        '00001ff8: f8f9 fafb fcfd feff                      ........\n' +
        '00002000: -- 4096 bytes outside: no segment of the dump covers this frame\n' +
        '00003000: 0001 0203 0405 0607 0809 0a0b 0c0d 0e0f  ................\n' +
        '00003010: 1011 1213                                ....\n' +
        '00003014: -- 20 bytes excluded: the dump has no contents for this frame (p_filesz ends before it)\n',
    });
    expect(ask('5000', '-n', '10000000')).toEqual({
      status: 2,
      stderr: '',
      stdout: '00005000: -- 10000000 bytes outside: no segment of the dump covers this frame\n',
    });
  });

  test('--binary: all of it, or nothing', () => {
    expect(Buffer.from(kvmVtop(['phys', '-c', path, '1020', '-n', '16', '--binary']).stdout, 'latin1')).toEqual(
      bytes.subarray(0x20, 0x30),
    );
    expect(ask('1ff8', '-n', '16', '--binary')).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(
        /^kvm-vtop: 0x8 bytes at 0x2000 are not in the dump, nothing was written: no segment/,
      ),
    });
  });

  test('any dump, without VMCOREINFO and KVM; wrong words', () => {
    expect(ask('xyz').stderr).toMatch(/'xyz' is not a hexadecimal address/);
    expect(ask('10000000000000').stderr).toMatch(/they end at 2\^52/);
    expect(ask('0', '-n', '0').stderr).toMatch(/A number of bytes/);
    expect(kvmVtop(['phys', '0']).stderr).toMatch(/-c is missing/);
  });

  test('a page of an excerpt is what its own kernel says it is', () => {
    const run = kvmVtop(['phys', '-c', join(FIXTURES, 'debian-6.1', 'vmcore.kdump'), '5c968f8', '-n', '8']);
    expect(run.stdout).toBe('05c968f8: e708 600f 0000 0080                      ..`.....\n');
  });
});
