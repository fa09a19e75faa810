// SPDX-License-Identifier: Apache-2.0
// Random page tables: walks and runs agree with the rules of the processor and the kernel for each page.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Vpn } from '../../../src/core/address.js';
import type { FrameSource } from '../../../src/core/memory.js';
import { x86Form } from '../../../src/paging/form.js';
import { NO_ENTRY, PageRuns } from '../../../src/paging/runs.js';
import { PageWalker, Walk } from '../../../src/paging/walker.js';
import { Counted, copy, type Run, runsOf } from '../../build/page-runs.js';
import { type Ending, type Paging, plainWalk, randomSpaces, type Space } from '../../build/page-tables.js';

const vpn = (page: number) => page as Vpn;

/** Maximum number of runs to check: damaged tables have too many. */
const LIMIT = 1500;
/** Maximum number of pages to walk one by one. */
const WALKED = 200;

const formOf = ({ levels, sme }: Paging) => x86Form(levels, sme);
const begin = (space: Space, memory: FrameSource) =>
  new PageRuns(memory, formOf(space)).over(space.root, vpn(space.from), vpn(space.to));

/** The space, with the range limited to its first runs. */
function bounded(space: Space): Space {
  const last = runsOf(begin(space, space.memory), 'next', LIMIT).at(-1);
  return last === undefined ? space : { ...space, to: last.first + last.pages };
}

/** The result of a run for one of its pages, in the form of `plainWalk`. */
const ofRun = (run: Run, page: number): Ending => ({
  status: run.status,
  level: run.level,
  frame: run.status === Walk.Mapped ? run.frame + (page - run.first) : run.frame,
  protNone: run.protNone,
  entry: run.entry,
  entryAddress: run.entryAddress,
});

function ofWalk(space: Space, page: number): Ending {
  const walker = new PageWalker(space.memory, formOf(space));
  const status = walker.walk(space.root, vpn(page));
  const level = status === Walk.TableMissing ? walker.level + 1 : walker.level;
  const { lo, hi, frame } = walker;
  return {
    status,
    level: walker.level,
    frame,
    protNone: status === Walk.Mapped && walker.protNone,
    entry: level > walker.top ? 0n : (BigInt(hi[level] as number) << 32n) + BigInt(lo[level] as number),
    entryAddress: level > walker.top ? NO_ENTRY : walker.entryAddress(level, vpn(page)),
  };
}

/** The pages that the entry or the missing table of a run covers, limited to the range. */
function extent({ from, to }: Space, { first, level, status }: Run): { first: number; pages: number } {
  const size = 512 ** (status === Walk.TableMissing ? level + 1 : level);
  const start = Math.floor(first / size) * size;
  const cut = Math.max(from, start);
  return { first: cut, pages: Math.min(to, start + size) - cut };
}

/** The rule of `nextStretch`, applied to a list. */
function merged(runs: readonly Run[]): Run[] {
  const all: Run[] = [];
  for (const run of runs) {
    const last = all.at(-1);
    const isGap = last?.status === Walk.Empty && run.status === Walk.Empty;
    const isMapped = last?.status === Walk.Mapped && run.status === Walk.Mapped;
    const isNext = isMapped && last.level === run.level && last.protNone === run.protNone;
    if (last && (isGap || (isNext && last.frame + last.pages === run.frame))) last.pages += run.pages;
    else all.push({ ...run });
  }
  return all;
}

/** The number of times that a table is entered, from the runs. */
function visits(space: Space, runs: readonly Run[]): number {
  const seen = new Set<string>();
  for (const { first, level } of runs)
    for (let at = space.levels - 1; at >= level; at--) seen.add(`${at} ${Math.floor(first / 512 ** (at + 1))}`);
  return seen.size;
}

test('in random tables runs are ascending, complete, at the level of the entry, and equal a walk of each page', () => {
  fc.assert(
    fc.property(randomSpaces, (space) => {
      const all = runsOf(begin(space, space.memory), 'next', WALKED);
      let next = space.from;
      const extents = all.map((run) => {
        const expected = extent(space, { ...run, first: vpn(next) });
        next += run.pages;
        return expected;
      });
      expect(all.map(({ first, pages }) => ({ first, pages }))).toEqual(extents);
      if (all.length < WALKED) expect(next).toBe(Math.max(space.from, space.to));
      const looked = all.flatMap((run) =>
        [...new Set([0, Math.floor(run.pages / 3), run.pages - 1])].map((page) => ({ run, page: run.first + page })),
      );
      const expected = looked.map(({ page }) => plainWalk(space, page));
      expect(looked.map(({ page }) => ofWalk(space, page))).toEqual(expected);
      expect(looked.map(({ run, page }) => ofRun(run, page))).toEqual(expected);
    }),
    { numRuns: 150 },
  );
});

test('in random tables the longest stretches are joined runs, and no table is fetched twice in succession', () => {
  fc.assert(
    fc.property(randomSpaces, (whole) => {
      const space = bounded(whole);
      const source = new Counted(space.memory);
      const all = runsOf(begin(space, source), 'next');
      expect(source.calls).toBeLessThanOrEqual(visits(space, all));
      source.calls = 0;
      expect(runsOf(begin(space, source), 'nextStretch')).toEqual(merged(all));
      expect(source.calls).toBeLessThanOrEqual(visits(space, all));
    }),
    { numRuns: 200 },
  );
});

test.each(['next', 'nextStretch'] as const)(
  '%s continues at the same place after an exception of the source',
  (method) => {
    fc.assert(
      fc.property(randomSpaces, (whole) => {
        const space = bounded(whole);
        let asked = 0;
        const runs = begin(space, {
          why: (frame) => space.memory.why(frame),
          frame: (frame) => {
            if (asked++ % 2 === 0) throw new Error('broken');
            return space.memory.frame(frame);
          },
        });
        const all: Run[] = [];
        for (let more = true; more; )
          try {
            more = runs[method]();
            if (more) all.push(copy(runs));
          } catch (error) {
            expect(error).toEqual(new Error('broken'));
          }
        expect(all).toEqual(runsOf(begin(space, space.memory), method));
      }),
      { numRuns: 60 },
    );
  },
);

test('one object can be used for several ranges, also after an exception', () => {
  fc.assert(
    fc.property(randomSpaces, fc.nat(LIMIT), fc.nat(20), (whole, taken, last) => {
      const space = bounded(whole);
      let asked = 0;
      const runs = begin(space, {
        why: (frame) => space.memory.why(frame),
        frame: (frame) => {
          if (asked++ === last) throw new Error('broken');
          return space.memory.frame(frame);
        },
      });
      try {
        runsOf(runs, 'next', taken % 5);
        runsOf(runs, 'nextStretch', taken);
      } catch (error) {
        expect(error).toEqual(new Error('broken'));
      }
      asked = last + 1;
      const [from, to] = [vpn(space.from + Math.floor(taken / 2)), vpn(space.to)];
      const alone = new PageRuns(space.memory, formOf(space));
      expect(runsOf(runs.over(space.root, from, to), 'nextStretch')).toEqual(
        runsOf(alone.over(space.root, from, to), 'nextStretch'),
      );
    }),
    { numRuns: 100 },
  );
});
