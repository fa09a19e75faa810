// SPDX-License-Identifier: Apache-2.0
// The decoders of wasm/inflate/ against node:zlib. fuzz/inflate.mjs does it with many more streams.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, deflateRawSync, deflateSync, inflateRawSync, inflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { startInflate } from '../../../src/codecs/inflate.js';
import { decodeDeflate, decodeZlib } from '../../../src/codecs/zlib.js';
import { FIXTURES } from '../../run.js';

const own = startInflate();
const SIZE = 4096;

/** What node:zlib decodes a stream to, if it has this size. */
function byNode(inflate: typeof inflateSync, stream: Uint8Array, size: number): Buffer | null {
  try {
    const bytes = inflate(stream, { maxOutputLength: size });
    return bytes.length === size ? bytes : null;
  } catch {
    return null;
  }
}

/** The bytes of zlib pages of a kdump-compressed file (makedumpfile, IMPLEMENTATION). */
function* zlibPages(path: string): Generator<Buffer> {
  const file = readFileSync(path);
  const blocks = 1 + file.readInt32LE(432) + file.readUInt32LE(436);
  const end = Number(file.readBigUInt64LE(blocks * SIZE));
  for (let at = blocks * SIZE; at + 24 <= end; at += 24) {
    const start = Number(file.readBigUInt64LE(at));
    if ((file.readUInt32LE(at + 12) & 1) !== 0) yield file.subarray(start, start + file.readUInt32LE(at + 8));
  }
}

/** Bits, the first one lowest, as bytes; spaces are ignored. */
const bits = (text: string): Buffer =>
  Buffer.from(
    (text.replaceAll(' ', '').match(/.{1,8}/g) ?? []).map((byte) => Number(`0b${Array.from(byte).reverse().join('')}`)),
  );

/** Text with the same bytes again at many distances. */
const TEXT = Buffer.from(Array.from({ length: 400 }, (_, i) => `${i % 7} ${i * i} page ${i}`).join('\n')).subarray(
  0,
  SIZE,
);

test.each(['debian-6.1', 'debian-6.12', 'debian-7.2'])('every zlib page of the fixture %s', (name) => {
  let pages = 0;
  for (const stream of zlibPages(join(FIXTURES, name, 'vmcore.kdump'))) {
    const page = own.zlib(stream, SIZE);
    expect(page !== null && inflateSync(stream).equals(page)).toBe(true);
    pages++;
  }
  expect(pages).toBeGreaterThan(500);
});

describe('accepts', () => {
  // RFC 1951, 3.2.6: 'a' is 0x91, in 8 bits; the end of the block 7 bits of 0.
  const FIXED_A = bits('1 10 10010001 0000000');

  test('a literal in a fixed block', () => {
    expect(own.deflate(FIXED_A, 1)).toEqual(Uint8Array.of(0x61));
    expect(own.zlib(Buffer.concat([Buffer.of(0x78, 0x9c), FIXED_A, Buffer.of(0, 0x62, 0, 0x62)]), 1)).toEqual(
      Uint8Array.of(0x61),
    );
  });

  test('a match that repeats one byte 258 times', () => {
    // 285 is 11000101, distance 1 is 00000.
    expect(own.deflate(bits('1 10 10010001 11000101 00000 0000000'), 259)).toEqual(new Uint8Array(259).fill(0x61));
  });

  test('stored blocks, also empty ones', () => {
    const block = (last: number, text: string) =>
      Buffer.from([last, text.length, 0, ~text.length & 0xff, 0xff, ...Buffer.from(text)]);
    expect(own.deflate(Buffer.concat([block(0, 'ab'), block(0, ''), block(1, 'c')]), 3)).toEqual(
      Uint8Array.of(0x61, 0x62, 0x63),
    );
  });

  const { Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED } = constants;
  test.each(
    [Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED].flatMap((strategy) =>
      [0, 1, 6, 9].map((level) => ({ strategy, level })),
    ),
  )('strategy $strategy, level $level, every size of memory and window', ({ strategy, level }) => {
    for (const [memLevel, windowBits] of [1, 4, 9].flatMap((memory) => [9, 12, 15].map((window) => [memory, window])))
      for (const bytes of [TEXT, Buffer.alloc(SIZE), Buffer.alloc(65_536, TEXT), TEXT.subarray(0, 1)]) {
        const options = { strategy, level, memLevel, windowBits };
        const [zlib, raw] = [deflateSync(bytes, options), deflateRawSync(bytes, options)];
        // A stored block of 64 KiB is larger than what is decoded here.
        const isLarge = raw.length > own.most || zlib.length > own.most;
        for (const found of isLarge ? [] : [own.zlib(zlib, bytes.length), own.deflate(raw, bytes.length)])
          expect(found !== null && bytes.equals(found)).toBe(true);
      }
  });

  test('what follows the stream, as node:zlib does', () => {
    for (const tail of [Buffer.of(0), Buffer.from('anything'), deflateSync(TEXT)]) {
      expect(byNode(inflateSync, Buffer.concat([deflateSync(TEXT), tail]), SIZE)).not.toBeNull();
      expect(own.zlib(Buffer.concat([deflateSync(TEXT), tail]), SIZE)).toEqual(new Uint8Array(TEXT));
      expect(own.deflate(Buffer.concat([deflateRawSync(TEXT), tail]), SIZE)).toEqual(new Uint8Array(TEXT));
    }
  });
});

describe('refuses what node:zlib refuses', () => {
  test.each([
    ['nothing', ''],
    ['a block of kind 3', '1 11'],
    ['a stored block without its length', '1 00 00000 0000000'],
    ['a stored block with a wrong complement', '1 00 00000 1000000000000000 1111111111111111 00000000'],
    ['no end of the block', '1 10 10010001'],
    ['literal 286', '1 10 10010001 11000110 00000 0000000'],
    ['literal 287', '1 10 10010001 11000111 00000 0000000'],
    ['distance 30', '1 10 10010001 0000001 11110 0000000'],
    ['distance 31', '1 10 10010001 0000001 11111 0000000'],
    ['a distance before the start', '1 10 10010001 0000001 00001 0000000'],
    ['287 literals', '1 01 01111 00000 0000 000 000 000 000'],
    ['31 distances', '1 01 00000 01111 0000 000 000 000 000'],
    ['no code of lengths', '1 01 00000 00000 0000 000 000 000 000 0000000000'],
    ['too many codes of lengths', '1 01 00000 00000 0000 100 100 100 000'],
    ['too few codes of lengths', '1 01 00000 00000 0000 010 010 000 000'],
    ['a repetition of nothing', '1 01 00000 00000 0000 100 000 100 000 0 00'],
    ['a repetition beyond the end', '1 01 00000 00000 0000 000 000 100 100 1 1111111 1 1111111'],
    ['no code of the end of the block', '1 01 00000 00000 0000 000 000 100 100 1 1111111 1 0110101'],
  ])('%s', (_, text) => {
    for (const size of [1, 2, 4, 5, 259]) {
      expect(byNode(inflateRawSync, bits(text), size)).toBeNull();
      expect(own.deflate(bits(text), size)).toBeNull();
    }
  });

  test('every header of a zlib stream but the 32 valid ones', () => {
    const stream = deflateSync(TEXT);
    let accepted = 0;
    const differ: number[] = [];
    for (let header = 0; header < 65_536; header++) {
      stream.writeUInt16BE(header);
      const isAccepted = own.zlib(stream, SIZE) !== null;
      if (isAccepted) accepted++;
      // node:zlib is asked where the check of five bits is right, and for some others.
      if (header % 31 !== 0 && header % 97 !== 0) continue;
      if (isAccepted !== (byNode(inflateSync, stream, SIZE) !== null)) differ.push(header);
    }
    expect(differ).toEqual([]);
    expect(accepted).toBe(32);
  });

  test('every stream that is cut off, and every change of its checksum', () => {
    const stream = deflateSync(TEXT);
    for (let length = 0; length < stream.length; length++)
      expect(own.zlib(stream.subarray(0, length), SIZE)).toBeNull();
    for (let bit = 0; bit < 32; bit++) {
      const changed = Buffer.from(stream);
      const at = stream.length - 4 + (bit >> 3);
      changed[at] = (changed[at] as number) ^ (1 << (bit & 7));
      expect(own.zlib(changed, SIZE)).toBeNull();
    }
  });

  test('another size', () => {
    for (const size of [0, 1, SIZE - 1, SIZE + 1, 65_536, 65_537]) {
      expect(own.zlib(deflateSync(TEXT), size)).toBeNull();
      expect(decodeZlib(deflateSync(TEXT), size)).toBeNull();
      expect(decodeDeflate(deflateRawSync(TEXT), size)).toBeNull();
    }
    expect(decodeZlib(deflateSync(''), 0)).toBeNull();
  });
});

test('each bit of a page changed: the verdict and the bytes of node:zlib', () => {
  for (const strategy of [constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED, constants.Z_HUFFMAN_ONLY]) {
    const stream = deflateRawSync(TEXT.subarray(0, 600), { strategy });
    let accepted = 0;
    const differ: number[] = [];
    for (let bit = 0; bit < stream.length * 8; bit++) {
      const changed = Buffer.from(stream);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      const expected = byNode(inflateRawSync, changed, 600);
      const found = own.deflate(changed, 600);
      if (expected === null ? found !== null : found === null || !expected.equals(found)) differ.push(bit);
      if (expected !== null) accepted++;
    }
    expect(differ).toEqual([]);
    expect(accepted).toBeGreaterThan(100);
  }
});

test('larger streams are decoded as well, by node:zlib', () => {
  const bytes = Buffer.alloc(300_000, TEXT);
  for (const size of [65_536, 65_537, 300_000]) {
    const part = bytes.subarray(0, size);
    expect(decodeZlib(deflateSync(part, { level: 0 }), size)?.length).toBe(size);
    expect(Buffer.compare(decodeDeflate(deflateRawSync(part), size) ?? Buffer.of(), part)).toBe(0);
  }
});

test('a page stays as it is while others are decoded', () => {
  const pages = Array.from({ length: 9 }, (_, i) => Buffer.alloc(SIZE - i, TEXT.subarray(i)));
  const decoded = pages.map((page) => own.zlib(deflateSync(page), page.length));
  for (const [i, page] of pages.entries()) expect(decoded[i]).toEqual(new Uint8Array(page));
});
