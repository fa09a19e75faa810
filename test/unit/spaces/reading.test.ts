// SPDX-License-Identifier: Apache-2.0
// Bytes of memory with gaps: each byte is in one piece, with its value or the reason why there is none.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Pages, type Piece, pieces } from '../../../src/spaces/reading.js';
import type { Gap } from '../../../src/spaces/space.js';

/** What the pages from `first` on are; null for bytes. Other pages have no slot. */
interface Memory {
  readonly first: number;
  readonly states: readonly (Gap['reason'] | null)[];
}

const pageOf = (page: number): DataView => {
  const bytes = Buffer.alloc(4096 + 64);
  for (let i = 0; i < 4096; i++) bytes[i + 64] = (page * 7 + i * 13 + (i >> 8)) & 0xff;
  return new DataView(bytes.buffer, bytes.byteOffset + 64, 4096);
};
const reasonOf = ({ first, states }: Memory, page: number): Gap['reason'] | null => {
  const state = states[page - first];
  return state === undefined ? 'no-slot' : state;
};

/** `steps`: how far each answer of `gapEnd` reaches, at most; an answer may end before the gap does. */
const pagesOf = (memory: Memory, steps: number): Pages => ({
  source: 'memory',
  bytes(page) {
    const reason = reasonOf(memory, page);
    return reason === null ? pageOf(page) : { reason, message: `page ${page}` };
  },
  gapEnd(page, end) {
    const reason = reasonOf(memory, page);
    let next = page + 1;
    while (next < end && next < page + steps && reasonOf(memory, next) === reason) next++;
    return next;
  },
});

const valueAt = (page: number, offset: number): number => (page * 7 + offset * 13 + (offset >> 8)) & 0xff;
const state = fc.constantFrom<Gap['reason'] | null>(null, null, 'swap-entry', 'excluded', 'empty-entry');

test('random gaps and ranges', () => {
  const asked = fc.tuple(fc.nat(14), fc.nat(4095), fc.nat(8 * 4096));
  const seen = { bytes: 0, gaps: 0 };
  fc.assert(
    fc.property(
      fc.array(state, { maxLength: 12, size: 'max' }),
      asked,
      fc.constantFrom(1, 2, 100),
      (states, [page, offset, length], steps) => {
        const memory = { first: 3, states };
        const found: Piece[] = [...pieces(pagesOf(memory, steps), page, offset, length)];
        let at = page * 4096 + offset;
        for (const [i, piece] of found.entries()) {
          expect([piece.page * 4096 + piece.offset, piece.length > 0]).toEqual([at, true]);
          if (piece.bytes === null) {
            seen.gaps++;
            for (let own = piece.page; own * 4096 < at + piece.length; own++)
              expect(reasonOf(memory, own)).toBe(piece.gap?.reason);
            expect(piece.gap?.message).toBe(`page ${piece.page}`);
            // Gaps that follow each other for the same reason are one.
            expect(found[i - 1]?.gap?.reason).not.toBe(piece.gap?.reason);
          } else {
            seen.bytes++;
            expect([piece.gap, piece.bytes.length]).toEqual([null, piece.length]);
            expect(piece.offset + piece.length).toBeLessThanOrEqual(4096);
            expect([...piece.bytes]).toEqual(Array.from(piece.bytes, (_, k) => valueAt(piece.page, piece.offset + k)));
          }
          at += piece.length;
        }
        expect(at).toBe(page * 4096 + offset + length);
      },
    ),
    { numRuns: 200 },
  );
  expect(Math.min(seen.bytes, seen.gaps)).toBeGreaterThan(60);
});

test('a gap of 2^53 - 1 bytes up to the end of all addresses', () => {
  const nothing: Pages = {
    bytes: () => ({ reason: 'no-slot', message: 'none' }),
    gapEnd: (_, end) => end,
    source: 'memory',
  };
  const length = 2 ** 53 - 1;
  expect([...pieces(nothing, 2 ** 52 - 2 ** 41, 1, length)]).toEqual([
    {
      page: 2 ** 52 - 2 ** 41,
      offset: 1,
      length,
      bytes: null,
      source: 'memory',
      gap: { reason: 'no-slot', message: 'none' },
    },
  ]);
});
