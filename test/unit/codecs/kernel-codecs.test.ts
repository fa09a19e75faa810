// SPDX-License-Identifier: Apache-2.0
// Pages as the kernel's compressors write them. The blocks are from zswap and zram of hosts of 6.1.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { kernelCodec } from '../../../src/codecs/index.js';
import { decodeLz4 } from '../../../src/codecs/lz4.js';
import { decodeKernelLzo } from '../../../src/codecs/lzo.js';
import { pack } from '../../build/lz4.js';

const SIZE = 4096;
const PAGE = Uint8Array.from(
  Buffer.from('page 0 of the text that compresses well, line '.repeat(100), 'latin1').subarray(0, SIZE),
);
const BLOCKS: Readonly<Record<string, string>> = {
  lzo: 'ABxwYWdlIDAgb2YgdGhlIHRleHQgdGhhdCBjb21wcmVzc2VzIHdlbGwsIGxpbmUgIAAAAAAAAAAAAAAAAAAAALK0AAsgd2VsbCwgbGluZSBwYREAAA==',
  'lzo-rle':
    'EQEAHHBhZ2UgMCBvZiB0aGUgdGV4dCB0aGF0IGNvbXByZXNzZXMgd2VsbCwgbGluZSAgAAAAAAAAAAAAAAAAAAAAsrQACyB3ZWxsLCBsaW5lIHBhEQAA',
  lz4: '/x9wYWdlIDAgb2YgdGhlIHRleHQgdGhhdCBjb21wcmVzc2VzIHdlbGwsIGxpbmUgLgD////////////////////JUG5lIHBh',
  lz4hc: '/x9wYWdlIDAgb2YgdGhlIHRleHQgdGhhdCBjb21wcmVzc2VzIHdlbGwsIGxpbmUgLgD////////////////////JUG5lIHBh',
  zstd: 'KLUv/WAAD70BAOQCcGFnZSAwIG9mIHRoZSB0ZXh0IHRoYXQgY29tcHJlc3NlcyB3ZWxsLCBsaW5lIAEAfn70VRk=',
  deflate: '7crLCYAwFETRVqYAF7YUZPxANCHvgZavbQh3dxanl82a1VblbqWf/FBSSzv7cIRDt2udVI/L6mw2m81ms9lsNpvNZrN/uF8=',
};

describe.each(Object.entries(BLOCKS))('%s', (name, text) => {
  const block = Uint8Array.from(Buffer.from(text, 'base64'));

  test('decodes a page of the kernel', () => {
    const decode = kernelCodec(name);
    expect(decode?.(block, SIZE)).toEqual(PAGE);
  });

  test('a shorter block, and one for another size, is not a page', () => {
    const decode = kernelCodec(name);
    const lengths = Array.from({ length: block.length - 2 }, (_, i) => i);
    expect(lengths.filter((length) => decode?.(block.subarray(0, length), SIZE) !== null)).toEqual([]);
    expect([SIZE - 1, SIZE + 1].map((size) => decode?.(block, size) ?? null)).toEqual([null, null]);
  });
});

test('an algorithm that can not be decoded', () => {
  expect(kernelCodec('842')).toBe(null);
});

test('lzo-rle: runs of zeros', () => {
  const runs = [0x1f, 0xfc, 0xff, 0xff, 0x1d, 0xfc, 0xff, 0xfe];
  const block = (version: number, ...rest: number[]) =>
    decodeKernelLzo(Uint8Array.from([17, version, 21, 97, 98, 99, 100, ...rest, 17, 0, 0]), SIZE);
  const page = new Uint8Array(SIZE);
  page.set([97, 98, 99, 100]);
  expect(block(1, ...runs)).toEqual(page);
  // One byte too many, a version of the future, and the same bytes without that instruction.
  expect([block(1, ...runs.with(4, 0x1e)), block(2, ...runs), block(0, ...runs)]).toEqual([null, null, null]);
});

test('lz4: every page, and no other bytes than those of a page', () => {
  const part = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 300 }),
    fc.tuple(fc.nat(255), fc.integer({ min: 1, max: 1500 })).map(([byte, length]) => new Uint8Array(length).fill(byte)),
  );
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 30 }), (parts) => {
      const page = Uint8Array.from(Buffer.concat(parts));
      expect(decodeLz4(pack(page), page.length)).toEqual(page);
      expect(decodeLz4(pack(page), page.length + 1)).toBe(null);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      expect([null, SIZE]).toContain(decodeLz4(noise, SIZE)?.length ?? null);
      expect([null, SIZE]).toContain(decodeKernelLzo(noise, SIZE)?.length ?? null);
    }),
    { numRuns: 2000 },
  );
});
