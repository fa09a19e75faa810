// SPDX-License-Identifier: Apache-2.0
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Hits, Naming } from '../../../src/owners/hits.js';
import { canHave, WantedFrames } from '../../../src/owners/wanted.js';

const frames = fc.oneof(
  fc.array(fc.nat(300), { maxLength: 60 }),
  fc.array(fc.maxSafeNat().map((each) => each % 2 ** 40)),
  fc.tuple(fc.nat(2 ** 30), fc.nat(200)).map(([first, count]) => Array.from({ length: count }, (_, i) => first + i)),
);

test('frames are found, and no others', () => {
  fc.assert(
    fc.property(frames, frames, (list, others) => {
      const wanted = new WantedFrames(Float64Array.from(list));
      const sorted = [...new Set(list)].sort((a, b) => a - b);
      expect([...wanted.frames]).toEqual(sorted);
      for (const frame of [...list, ...others]) {
        expect(wanted.indexOf(frame)).toBe(sorted.indexOf(frame));
        const from = sorted.findIndex((each) => each >= frame);
        expect(wanted.firstFrom(frame)).toBe(from < 0 ? sorted.length : from);
      }
      for (const frame of list) expect(canHave(wanted.filter, (frame % 2 ** 32) | 0)).toBe(true);
    }),
  );
});

test('entries by frame keep their order, however many there are', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { minLength: 2000, maxLength: 2500 }), (list) => {
      const hits = new Hits();
      for (const [page, wanted] of list.entries()) hits.add(wanted, 2 ** 40 + page, wanted + 1, Naming.Poisoned);
      const { starts, order } = hits.byFrame(10);
      for (let n = 0; n < 10; n++) {
        const own = [...order.subarray(starts[n], starts[n + 1])];
        expect(own).toEqual(list.flatMap((wanted, i) => (wanted === n ? [i] : [])));
        for (const hit of own)
          expect([hits.pages[hit], hits.areas[hit], hits.naming[hit]]).toEqual([2 ** 40 + hit, n + 1, Naming.Poisoned]);
      }
    }),
    { numRuns: 10 },
  );
});
