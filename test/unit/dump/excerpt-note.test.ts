// SPDX-License-Identifier: Apache-2.0
// The note of an excerpt says which frames the dump did not have, and why. A damaged note never breaks the file.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { excerptGap, excerptGapEnd, excerptNote, readExcerptNote } from '../../../src/dump/layout/excerpt-note.js';
import { bytesOf } from '../../build/damage.js';

const GAPS = [
  { reason: 'excluded', message: 'left out', by: 'makedumpfile' },
  { reason: 'cut-off', message: 'the file ends before “page”' },
  { reason: 'undecodable', message: 'bad\u001b data' },
] as const;
const OWN = { reason: 'excluded', by: 'excerpt' };

/** Runs with gaps of any size between them. */
const runs = fc
  .array(fc.record({ space: fc.nat(5), pages: fc.integer({ min: 1, max: 9 }), gap: fc.constantFrom(...GAPS) }))
  .map((rows) => {
    let at = 0;
    return rows.map(({ space, pages, gap }) => {
      const start = at + space;
      at = start + pages;
      return { start, end: at, gap };
    });
  });
const facts = fc.record({ limit: fc.option(fc.nat(2 ** 40), { nil: undefined }), gaps: runs });

test('every frame has the reason that was recorded for it, and gaps end where the reason does', () => {
  fc.assert(
    fc.property(facts, (own) => {
      const read = readExcerptNote(bytesOf(excerptNote(own)));
      expect(read).toEqual(own);
      const end = (own.gaps.at(-1)?.end ?? 0) + 3;
      const expected = (frame: number) => own.gaps.find((run) => frame >= run.start && frame < run.end)?.gap ?? OWN;
      for (let frame = 0; frame < end; frame++) {
        expect(excerptGap(read, frame)).toMatchObject(expected(frame));
        const next = excerptGapEnd(read, frame, end);
        expect(next).toBeGreaterThan(frame);
        for (let other = frame; other < next; other++) expect(expected(other)).toEqual(expected(frame));
      }
    }),
  );
});

describe('a damaged note', () => {
  const GOOD = '[0,2,"excluded","why","makedumpfile"]';
  test.each([
    ['that is empty, as older excerpts have it', ''],
    ['that is not JSON', '{"gaps":'],
    ['that is a number', '7'],
    ['that is null', 'null'],
    ['without gaps', '{"limit":9}'],
    ['with a gap that is not a list', `{"gaps":[${GOOD},{}]}`],
    ['with a frame that is not a number', '{"gaps":[["0",2,"excluded","why"]]}'],
    ['with a frame beyond 2^52 bytes', '{"gaps":[[0,1099511627777,"excluded","why"]]}'],
    ['with an empty gap', '{"gaps":[[2,2,"excluded","why"]]}'],
    ['with an unknown reason', '{"gaps":[[0,2,"lost","why"]]}'],
    ['with a message that is not a text', '{"gaps":[[0,2,"excluded",7]]}'],
    ['with an unknown writer', '{"gaps":[[0,2,"excluded","why","dd"]]}'],
    ['with gaps that overlap', `{"gaps":[${GOOD},[1,3,"excluded","why"]]}`],
  ])('%s counts as empty', (_, text) => {
    expect(readExcerptNote(bytesOf(Buffer.from(text)))).toEqual({ limit: undefined, gaps: [] });
  });

  test('with a changed byte gives other reasons at most', () => {
    const sound = excerptNote({ limit: 90, gaps: [{ start: 3, end: 7, gap: GAPS[0] }] });
    fc.assert(
      fc.property(fc.nat(sound.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
        const bytes = Buffer.from(sound);
        bytes[at] = (bytes[at] as number) ^ bits;
        const { gaps } = readExcerptNote(bytesOf(bytes));
        for (const run of gaps) expect(run.end).toBeGreaterThan(run.start);
      }),
    );
  });
});
