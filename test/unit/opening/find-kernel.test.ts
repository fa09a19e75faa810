// SPDX-License-Identifier: Apache-2.0
import { expect, test } from '@jest/globals';
import { type Pfn, pfn } from '../../../src/core/address.js';
import { type Log, silentLog } from '../../../src/core/log.js';
import type { FrameSource } from '../../../src/core/memory.js';
import type { DumpImage } from '../../../src/dump/image.js';
import { findKernel } from '../../../src/opening/find-kernel.js';

test('memory without a kernel is searched with few questions about each page', () => {
  const PAGES = 2000;
  // Of random bytes, each fourth page looks like a top page table.
  let state = 1;
  const next = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
  const word = (): number => (next() & 0xffff0000) | (next() >>> 16);
  const pages = Array.from({ length: PAGES }, () => new DataView(Uint32Array.from({ length: 1024 }, word).buffer));
  let asked = 0;
  const frames: FrameSource = {
    frame: (frame) => {
      asked++;
      return pages[frame] ?? null;
    },
    why: () => {
      asked++;
      return { reason: 'outside', message: 'not in the dump' };
    },
  };
  const image = {
    name: 'random',
    reader: { notes: [], limit: PAGES, present: (): Iterable<Pfn> => pages.map((_, i) => pfn(i)) },
  } as unknown as DumpImage;
  const parts: (number | undefined)[] = [];
  const log: Log = { ...silentLog, tick: (part) => parts.push(part) };
  expect(() => findKernel(image, frames, log)).toThrow('no kernel page tables were found');
  expect(asked).toBeLessThan(4 * PAGES);
  expect(parts).toEqual(pages.map((_, i) => i / PAGES));
});
