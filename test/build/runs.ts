// SPDX-License-Identifier: Apache-2.0
// Compares the runs of address spaces with single answers.
import { expect } from '@jest/globals';
import { type AddressSpace, kept, type Run } from '../../src/spaces/space.js';

/** A copy of a run; of a guest's run, with its slot. */
type Kept = Run & { readonly slot?: unknown };

/** The runs of a range, at most `most`. Each must begin where the previous one ends. */
export function runsOf<A extends Run>(space: AddressSpace<A>, first: number, end: number, most = Infinity): Kept[] {
  const all: Kept[] = [];
  let next = first;
  for (const run of space.runs(first, end)) {
    expect(run.page).toBe(next);
    expect(run.pages).toBeGreaterThan(0);
    next = run.page + run.pages;
    all.push('slot' in run ? { ...kept(run), slot: run.slot } : kept(run));
    if (all.length >= most) break;
  }
  if (all.length < most) expect(next).toBe(Math.max(first, end));
  else expect(next).toBeLessThanOrEqual(end);
  return all;
}

/** The answer of a run for one of its pages, without the message, which is about the first page. */
function at({ page, state, reason, frame, pageSize, protNone, swap }: Run, asked: number) {
  const on = asked - page;
  return {
    page: asked,
    ...{ state, reason, pageSize, protNone },
    frame: frame === null ? null : frame + on,
    swap: swap === null ? null : { ...swap, offset: swap.offset + on },
  };
}

/** Pages of a run that are compared with single answers: all of a short run, some of a long one. */
function sample({ page, pages }: Run): number[] {
  const all = pages <= 40 ? Array.from({ length: pages }, (_, i) => i) : [];
  return [...new Set([...all, 0, 1, Math.floor(pages / 3), 511 - (page % 512), 512 - (page % 512), pages - 1])]
    .filter((on) => on >= 0 && on < pages)
    .map((on) => page + on);
}

/** Each run must give the same answer for its pages as single answers, and must not continue the previous run. */
export function expectAgreement<A extends Run>(
  space: AddressSpace<A>,
  runs: readonly Kept[],
  pagesOf: (run: Run) => readonly number[] = sample,
): void {
  const asked = runs.flatMap((run) => pagesOf(run).map((page) => ({ run, page })));
  const single = (page: number) => ({ ...at(space.page(page), page), pages: space.page(page).pages });
  expect(asked.map(({ page }) => single(page))).toEqual(asked.map(({ run, page }) => ({ ...at(run, page), pages: 1 })));
  expect(runs.map(({ page }) => space.page(page).message)).toEqual(runs.map(({ message }) => message));
  expect(runs.filter((run, i) => isContinued(runs[i - 1], run))).toEqual([]);
}

function isContinued(before: Kept | undefined, run: Kept): boolean {
  if (before?.slot !== run.slot || before === undefined || before.page + before.pages !== run.page) return false;
  return JSON.stringify(at(before, run.page)) === JSON.stringify(at(run, run.page));
}
