// SPDX-License-Identifier: Apache-2.0
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { snappyCompress } from 'hysnappy';
import { type CodecName, codecs } from '../src/codecs/index.js';

const SIZE = 4096;
/** Pages that compress in every way: runs, repeats at a distance, noise. */
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

const packers: Partial<Record<CodecName, (page: Uint8Array) => Uint8Array>> = {
  zlib: (bytes) => deflateSync(bytes),
  snappy: snappyCompress,
};

describe.each(Object.entries(packers))('%s', (name, pack) => {
  test('gives back every page', async () => {
    const decode = await codecs[name as CodecName]();
    fc.assert(
      fc.property(page, (bytes) => {
        expect(decode(pack(bytes), SIZE)).toEqual(bytes);
      }),
      { numRuns: 200 },
    );
  });
});

describe.each(Object.keys(codecs) as CodecName[])('%s', (name) => {
  test('answers garbage with null or a page of the right size, and never throws', async () => {
    const decode = await codecs[name]();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6000 }), (bytes) => {
        const out = decode(bytes, SIZE);
        expect(out === null || out.length === SIZE).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('refuses a page cut short', async () => {
    const decode = await codecs[name]();
    const pack = packers[name] ?? (() => new Uint8Array(0));
    expect(decode(pack(new Uint8Array(SIZE).fill(7)).subarray(0, -3), SIZE)).toBeNull();
  });
});

describe('snappy trusts no length in the stream', () => {
  test.each([1000, 4095, 4097, 70000])('a block that says %d bytes is refused', async (length) => {
    const decode = await codecs.snappy();
    expect(decode(snappyCompress(new Uint8Array(SIZE).fill(1)), SIZE)).not.toBeNull();
    expect(decode(snappyCompress(new Uint8Array(length).fill(2)), SIZE)).toBeNull();
  });
});
