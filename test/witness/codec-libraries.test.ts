// SPDX-License-Identifier: Apache-2.0
// Pages compressed by the real libraries, intact and damaged: the program reads the same bytes as the libraries.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { openImage } from '../../src/open.js';
import { kdump } from '../build/files.js';
import { LIMIT, piecesOf, type ReferenceCodec, reference } from '../build/reference.js';
import { codecLibraries, needing } from '../needs.js';
import { FIXTURES, ROOT } from '../run.js';

const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-codecs-'));
const MUTANTS = 4000;
/**
 * The fraction of pages that may be refused although the library accepts them. liblzo2 accepts any end mark, the kernel's
 * decoder (and this one) only that of lzo.rst. libzstd's loops for processors with BMI2 do not check that a stream was used
 * up; its other loops do.
 */
const STRICTER: Readonly<Record<ReferenceCodec, number>> = { lzo: 0.001, snappy: 0, zstd: 0.15 };

/** Pseudo-random numbers below `end`, the same in every run. */
function dice(seed: number): (end: number) => number {
  let state = seed;
  return (end) => {
    state = (state * 48271) % 0x7fffffff;
    return state % end;
  };
}

/** A compressed page with some changes. */
function damaged(roll: (end: number) => number, packed: Uint8Array, other: Uint8Array): Buffer {
  const bytes = Buffer.from(packed);
  const at = roll(bytes.length);
  const kinds: (() => Buffer)[] = [
    () => flipped(roll, bytes, 1),
    () => flipped(roll, bytes, 1 + roll(8)),
    // Lengths and tables are near the start.
    () => flipped(roll, bytes, 1, Math.min(16, bytes.length)),
    () => bytes.subarray(0, at + 1),
    () => Buffer.concat([bytes, Buffer.alloc(1 + roll(20), roll(256))]),
    () => bytes.fill(roll(2) * 255, at, Math.min(bytes.length, at + 1 + roll(40))),
    () => Buffer.concat([bytes.subarray(0, at), other.subarray(Math.min(at, other.length))]),
    () => Buffer.from(Array.from({ length: 1 + roll(600) }, () => roll(256))),
  ];
  const made = (kinds[roll(kinds.length)] as () => Buffer)();
  return made.length > 0 && made.length <= 8192 ? made : bytes;
}

function flipped(roll: (end: number) => number, bytes: Buffer, count: number, within = bytes.length): Buffer {
  for (let i = 0; i < count; i++) {
    const at = roll(within);
    bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << roll(8)), at);
  }
  return bytes;
}

/** Reads a dump with these compressed pages. A page that is refused is an empty piece. */
function read(codec: ReferenceCodec, packed: readonly Uint8Array[]): Buffer[] {
  const path = join(folder, codec);
  const pages = new Map(packed.map((page, frame) => [frame, page]));
  writeFileSync(path, kdump({ version: 6, packing: codec, pack: (page) => page, pages, frames: packed.length }));
  const args = [join(ROOT, 'fuzz', 'decode.mjs'), path, String(packed.length)];
  const run = spawnSync(process.execPath, args, { maxBuffer: 2 ** 30, timeout: LIMIT });
  expect([run.status, run.signal, run.stderr.toString()]).toEqual([0, null, '']);
  return piecesOf(run.stdout);
}

const sameAs = (one: readonly Buffer[], other: readonly Buffer[]): number[] =>
  one.flatMap((piece, i) => (piece.equals(other[i] ?? Buffer.of(0)) ? [] : [i]));

needing(codecLibraries).describe.each<ReferenceCodec>(['lzo', 'snappy', 'zstd'])('%s', (codec) => {
  let pages: Buffer[] = [];
  beforeAll(async () => {
    const { memory, close } = await openImage(join(FIXTURES, 'debian-6.1', 'vmcore.kdump'));
    for (const frame of memory.image.reader.present())
      for (const { bytes } of memory.read(frame * 4096, 4096)) pages.push(Buffer.from(bytes ?? []));
    close();
    const roll = dice(7);
    pages.push(Buffer.alloc(4096), Buffer.alloc(4096, 255), Buffer.from(Array.from({ length: 4096 }, () => roll(256))));
    pages = pages.filter((page) => page.length === 4096);
  });

  test('every page of a host is read back', () => {
    const packed = reference('pack', codec, pages);
    expect(sameAs(read(codec, packed), pages)).toEqual([]);
  });

  test('no damaged page is accepted that the library refuses, or read differently', () => {
    const roll = dice(codec.length * 1000 + 1);
    const packed = reference('pack', codec, pages);
    const any = () => packed[roll(packed.length)] as Buffer;
    const mutants = Array.from({ length: MUTANTS }, () => damaged(roll, any(), any()));
    const theirs = reference('unpack', codec, mutants);
    const ours = read(codec, mutants);
    const differ = sameAs(ours, theirs);
    expect(differ.filter((i) => ours[i]?.length !== 0).map((i) => mutants[i]?.toString('hex'))).toEqual([]);
    expect(differ.length / MUTANTS).toBeLessThanOrEqual(STRICTER[codec]);
    // The pages include both kinds.
    expect(theirs.some((page) => page.length === 0) && theirs.some((page) => page.length > 0)).toBe(true);
  });
});
