// SPDX-License-Identifier: Apache-2.0
// What owner is asked, in portions.
import { describe, expect, test } from '@jest/globals';
import { Pieces } from '../../../src/commands/owner-pieces.js';
import { parseAddress, parseRange } from '../../../src/core/text.js';

const END = 0x1000000;
const range = (text: string) => parseRange(text) ?? { first: 0n, last: 0n };
const MOST = 2 ** 22;

describe('a question becomes', () => {
  test.each([
    ['1234567', false, { first: 0x1234, count: 1, offset: 0x567 }],
    ['1234', true, { first: 0x1234, count: 1, offset: 0 }],
    ['1ffe-3001', false, { first: 1, count: 3, offset: 0 }],
    ['10-12', true, { first: 0x10, count: 3, offset: 0 }],
    ['fffffffff000', false, { first: 0xfffffffff, count: 1, offset: 0 }],
    ['fffffe000-ffffffffffff', false, { first: 0xfffffe, count: 2, offset: 0 }],
  ])('%s (frames: %s)', (text, areFrames, piece) => {
    const pieces = new Pieces(END);
    expect(pieces.add(range(text), areFrames)).toBeNull();
    expect(pieces.take().flatMap((portion) => [...portion.pieces()])).toEqual([piece]);
    expect(pieces.take()).toEqual([]);
  });
});

test('an address in a line of the log is one, also where frames are asked for', () => {
  const pieces = new Pieces(END);
  expect(pieces.add(parseAddress('1a2b3c440') ?? range('0'), true)).toBeNull();
  expect([...(pieces.take()[0]?.pieces() ?? [])]).toEqual([{ first: 0x1a2b3c, count: 1, offset: 0x440 }]);
});

test.each([
  ['10000000000000', false, '10000000000000 is above the physical address space of x86-64, which has 52 bits'],
  ['10000000000', true, '10000000000 is above the physical address space of x86-64, which has 52 bits'],
  ['1000000000-1000001000', false, '1000000000-1000001000 is beyond the memory of the machine'],
])('%s is refused', (text, areFrames, problem) => {
  const pieces = new Pieces(END);
  expect(pieces.add(range(text), areFrames)).toBe(problem);
  expect(pieces.take()).toEqual([]);
});

test('no portion has more frames than one search takes, and all are in order', () => {
  const pieces = new Pieces(END);
  expect(pieces.isFull).toBe(false);
  pieces.add(range('5123'), false);
  pieces.add(range('0-fffffffff'), false);
  expect(pieces.isFull).toBe(true);
  const portions = pieces.take();
  expect(portions.map(({ count }) => count)).toEqual([MOST, MOST, MOST, MOST, 1]);
  expect(portions[0]?.pieces().next().value).toEqual({ first: 5, count: 1, offset: 0x123 });
  expect([...(portions[4]?.frames(() => true) ?? [])]).toEqual([END - 1]);
  expect(portions[4]?.frames(() => false)).toHaveLength(0);
});
