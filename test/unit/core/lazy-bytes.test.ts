// SPDX-License-Identifier: Apache-2.0
// Memory that is read page by page: the same numbers and texts as of the bytes as a whole, also across the bounds of pages.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LazyBytes, type Readable } from '../../../src/core/lazy-bytes.js';
import type { Memory } from '../../../src/core/memory.js';
import { bytesOf, orError } from '../../build/damage.js';

const START = 0xffff888000000000n;
const PAGE = 4096;

/** Memory in which pages have no gaps; `missing` are the numbers of those that can't be read. */
class Paged implements Memory {
  readonly reads: number[] = [];

  constructor(
    readonly bytes: Uint8Array,
    readonly missing: ReadonlySet<number> = new Set(),
  ) {}

  read(address: bigint, length: number): ReturnType<Memory['read']> {
    const at = Number(address - START);
    this.reads.push(Math.floor(at / PAGE));
    if (Math.floor(at / PAGE) !== Math.floor((at + length - 1) / PAGE)) throw new Error('a read of several pages');
    return this.missing.has(Math.floor(at / PAGE))
      ? { address, reason: 'excluded', message: 'left out' }
      : bytesOf(this.bytes.slice(at, at + length), address);
  }
}

const range = fc.record({
  skew: fc.nat(4 * PAGE),
  length: fc.integer({ min: 1, max: 3 * PAGE }),
  /** There is a NUL every so many bytes, so that there are texts of all lengths. */
  step: fc.integer({ min: 2, max: 400 }),
});
const asked = fc.array(fc.tuple(fc.integer({ min: -2, max: 3 * PAGE + 9 }), fc.nat(2 * PAGE)), { maxLength: 12 });

const arrayOf = (view: DataView): number[] => [...new Uint8Array(view.buffer, view.byteOffset, view.byteLength)];

/** The answers of `from` and of a slice of it, in an order that `turn` changes: what was read last must not matter. */
function answers(from: Readable, offset: number, length: number, turn: number): unknown[] {
  const part = orError(() => from.slice(offset, length));
  const each = [
    () => part?.u32(length >>> 1),
    () => part?.i32(length - 4),
    () => part?.text(length >>> 2, 7),
    () => part?.u32(-1),
    () => part?.u32(length - 3),
    () => from.u8(offset),
    () => from.u16(offset),
    () => from.u32(offset),
    () => from.i32(offset),
    () => from.u64(offset),
    () => from.text(offset, length % 1500),
    () => arrayOf(from.window(offset, length)),
    () => from.slice(offset, length).text(0),
    () => arrayOf(from.slice(offset, length).window(1, length)),
  ];
  const order = each.map((_, i) => ((i + turn) * 11) % each.length);
  return order.map((i) => orError<unknown>(each[i] as () => unknown));
}

test('the same numbers, texts and views as of the whole, and each page is read once', () => {
  fc.assert(
    fc.property(range, asked, fc.nat(13), ({ skew, length, step }, list, turn) => {
      const whole = Uint8Array.from({ length: skew + length + PAGE }, (_, i) => (i % step === 0 ? 0 : i * 7 + 1));
      const memory = new Paged(whole);
      const address = START + BigInt(skew);
      const lazy = LazyBytes.of(memory, address, length, 'the range');
      const plain = bytesOf(whole.slice(skew, skew + length), address);
      for (const [offset, bytesAsked] of list)
        if (offset >= 0 && offset <= length)
          expect(answers(lazy, offset, bytesAsked, turn)).toEqual(answers(plain, offset, bytesAsked, turn));
        else {
          expect(orError(() => lazy.text(offset))).toBe(offset < 0 ? null : '');
          for (const ask of [() => lazy.u8(offset), () => lazy.window(offset, 0), () => lazy.slice(offset, 0)])
            expect(orError<unknown>(ask)).toBeNull();
        }
      expect(memory.reads).toEqual([...new Set(memory.reads)]);
    }),
  );
});

test('a page that is missing costs only what is on it', () => {
  const lazy = LazyBytes.of(new Paged(new Uint8Array(3 * PAGE).fill(65), new Set([1])), START, 3 * PAGE, 'the range');
  expect(lazy.u32(PAGE - 4)).toBe(0x41414141);
  expect(lazy.text(2 * PAGE, 3)).toBe('AAA');
  for (const ask of [
    () => lazy.u32(PAGE - 3),
    () => lazy.u8(PAGE),
    () => lazy.text(PAGE - 2, 5),
    () => lazy.window(PAGE - 1, 2),
  ])
    expect(ask).toThrow('the range at 0xffff888000000000 (unreadable at 0xffff888000001000): left out');
});
