// SPDX-License-Identifier: Apache-2.0
import { deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { snappyCompress } from 'hysnappy';
import { type CodecName, codecs } from '../../../src/codecs/index.js';
import { wholeForm } from '../../../src/codecs/whole.js';
import { lzoLiterals, zstdRaw } from '../../build/files.js';

const SIZE = 4096;
/** Pages that compress in different ways: runs, repeats at a distance, noise. */
const page = fc
  .array(
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 64 }),
      fc
        .tuple(fc.nat(255), fc.integer({ min: 1, max: 900 }))
        .map(([byte, length]) => new Uint8Array(length).fill(byte)),
    ),
    { minLength: 1, maxLength: 40 },
  )
  .map((parts) => {
    const whole = new Uint8Array(SIZE);
    const once = Buffer.concat(parts);
    for (let at = 0; at < SIZE; at += once.length) whole.set(once.subarray(0, SIZE - at), at);
    return whole;
  });

/** For lzo and zstd these are only literals; test/witness/codec-libraries.test.ts compares with the real libraries. */
const packers: Readonly<Record<CodecName, (page: Uint8Array) => Uint8Array>> = {
  zlib: (bytes) => deflateSync(bytes),
  lzo: lzoLiterals,
  snappy: snappyCompress,
  zstd: zstdRaw,
};

describe.each(Object.keys(codecs) as CodecName[])('%s', (name) => {
  const pack = packers[name];

  test('decodes every page', async () => {
    const decode = await codecs[name]();
    fc.assert(
      fc.property(page, (bytes) => {
        expect(Buffer.compare(decode(pack(bytes), SIZE) ?? Buffer.of(), bytes)).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test('for garbage returns null or a page of the right size, and never throws', async () => {
    const decode = await codecs[name]();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6000 }), (bytes) => {
        const out = decode(bytes, SIZE);
        expect(out === null || out.length === SIZE).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('refuses a truncated page', async () => {
    const decode = await codecs[name]();
    expect(decode(pack(new Uint8Array(SIZE).fill(7)).subarray(0, -3), SIZE)).toBeNull();
  });
});

describe('snappy does not trust the length in the stream', () => {
  test.each([1000, 4095, 4097, 70000])('a block that claims %d bytes is refused', async (length) => {
    const decode = await codecs.snappy();
    expect(decode(snappyCompress(new Uint8Array(SIZE).fill(1)), SIZE)).not.toBeNull();
    expect(decode(snappyCompress(new Uint8Array(length).fill(2)), SIZE)).toBeNull();
  });
});

describe('input on which other decoders failed', () => {
  const literals = (bytes: number) => zstdRaw(new Uint8Array(bytes).fill(7));
  /** The frame without its size: a window descriptor replaces the length of the single segment. */
  const sizeless = (bytes: number) => {
    const frame = literals(bytes);
    return Buffer.concat([frame.subarray(0, 4), Buffer.from([0x00, 0x58]), frame.subarray(7)]);
  };

  test('zstd frames without a size, or with a wrong one', async () => {
    const decode = await codecs.zstd();
    expect(decode(sizeless(SIZE), SIZE)).toEqual(new Uint8Array(SIZE).fill(7));
    for (const size of [1000, SIZE - 1, SIZE + 1, 60_000]) {
      expect(decode(sizeless(size), SIZE)).toBeNull();
      expect(decode(literals(size), SIZE)).toBeNull();
    }
    const boast = literals(SIZE);
    // A frame content size of 8 bytes: 3 GiB.
    const claim = Buffer.alloc(8);
    claim.writeBigUInt64LE(3n * 2n ** 30n);
    const frame = Buffer.concat([boast.subarray(0, 4), Buffer.from([0xe0]), claim, boast.subarray(7)]);
    expect(decode(frame, SIZE)).toBeNull();
  });

  test('snappy: a literal with a negative length', async () => {
    const decode = await codecs.snappy();
    expect(decode(Uint8Array.from([0x80, 0x20, 0xfc, 0xfa, 0xff, 0xff, 0xff]), SIZE)).toBeNull();
  });

  test('snappy: a page never contains bytes of an earlier one', async () => {
    const decode = await codecs.snappy();
    expect(decode(snappyCompress(new Uint8Array(SIZE).fill(1)), SIZE)).toEqual(new Uint8Array(SIZE).fill(1));
    // It claims 4096 bytes and has 3.
    expect(decode(Uint8Array.from([0x80, 0x20, 0x08, 0x61, 0x62, 0x63]), SIZE)).toBeNull();
  });

  test('zlib: a megabyte in a thousand bytes, and a page with a wrong checksum', async () => {
    const decode = await codecs.zlib();
    expect(decode(deflateSync(Buffer.alloc(2 ** 20)), SIZE)).toBeNull();
    const packed = deflateSync(Buffer.alloc(SIZE, 5));
    packed.writeUInt8(packed.readUInt8(packed.length - 1) ^ 1, packed.length - 1);
    expect(decode(packed, SIZE)).toBeNull();
  });

  test('compressed files: one that claims 3 GiB, and a truncated one', async () => {
    const claim = Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0]), Buffer.alloc(8)]);
    claim.writeBigUInt64LE(3n * 2n ** 30n, 5);
    for (const file of [claim, literals(SIZE).subarray(0, -5), sizeless(SIZE), gzipSync('text').subarray(0, -9)])
      await expect(Promise.resolve().then(() => wholeForm(file)?.decode(file))).rejects.toThrow();
    expect((await wholeForm(literals(SIZE))?.decode(literals(SIZE)))?.length).toBe(SIZE);
  });

  test('xz with a filter for machine code is refused, not decoded wrong', async () => {
    // XZ Utils 5.4.1: printf 'machine code' | xz -c --x86 --lzma2
    const bcj = Buffer.from(
      'fd377a585a000004e6d6b44602010400210116000d86351f01000b6d616368696e6520636f6465' +
        '0073813dc7f38df5e30001240ca618d8d81fb6f37d010000000004595a',
      'hex',
    );
    await expect(wholeForm(bcj)?.decode(bcj)).rejects.toThrow(/error code 6/);
  });
});
