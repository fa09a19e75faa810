// SPDX-License-Identifier: Apache-2.0
// Runs of guests that do not exist, and their pages.
import fc from 'fast-check';
import type { PictureRun } from '../../src/html/classes.js';
import type { Extent } from '../../src/html/format.js';

type Kind = Omit<PictureRun, 'first' | 'pages' | 'frame' | 'swap'> & { readonly place: 'frame' | 'swap' | 'none' };

const plain = { reason: null, pageSize: null, protNone: false, node: null };
const KINDS: readonly Kind[] = [
  { ...plain, state: 'mapped', pageSize: 4096, node: 0, place: 'frame' },
  { ...plain, state: 'mapped', pageSize: 4096, node: 1, place: 'frame' },
  { ...plain, state: 'mapped', pageSize: 2 ** 21, node: 0, place: 'frame' },
  { ...plain, state: 'mapped', pageSize: 4096, node: 0, protNone: true, place: 'frame' },
  { ...plain, state: 'swapped', reason: 'swap-entry', place: 'swap' },
  { ...plain, state: 'not-present', reason: 'empty-entry', place: 'none' },
  { ...plain, state: 'poisoned', reason: 'hwpoison-entry', place: 'frame' },
];

const length = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 700 }), fc.constant(512));
const step = fc.record({
  gap: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 3000 })),
  kind: fc.constantFrom(...KINDS),
  pages: length,
  /** Null: it continues the run before. */
  place: fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 2 ** 40 - 1 })),
});

/** Ascending runs that do not overlap, from a frame up to 2^36 on. */
export const someRuns = fc
  .tuple(
    fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 36 })),
    fc.array(step, { minLength: 1, maxLength: 60 }),
  )
  .map(([start, steps]) => {
    let at = start;
    let next = 0;
    return steps.map(({ gap, kind: { place: kind, ...rest }, pages, place }): PictureRun => {
      const first = at + gap;
      at = first + pages;
      const number = place ?? next;
      next = number + pages;
      const frame = kind === 'frame' ? number : null;
      const swap = kind === 'swap' ? { type: 1, offset: number, device: '/dev/vdd' } : null;
      return { ...rest, first, pages, frame, swap };
    });
  });

/** A page of a run, with its own place. */
export interface OnePage {
  readonly page: number;
  readonly run: PictureRun;
  readonly place: number | null;
}

/** Each page of the runs. */
export const pagesOf = (runs: readonly PictureRun[]): OnePage[] =>
  runs.flatMap((run) =>
    Array.from({ length: run.pages }, (_, i) => {
      const first = run.frame ?? run.swap?.offset ?? null;
      return { page: run.first + i, run, place: first === null ? null : first + i };
    }),
  );

/** The stretches of pages that the runs have. */
export function extentsOf(runs: readonly PictureRun[]): Extent[] {
  const extents: Extent[] = [];
  for (const { first, pages } of runs) {
    const last = extents.at(-1);
    if (last !== undefined && last.first + last.pages === first)
      extents[extents.length - 1] = { first: last.first, pages: last.pages + pages };
    else extents.push({ first, pages });
  }
  return extents;
}
