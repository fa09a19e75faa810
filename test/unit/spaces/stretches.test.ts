// SPDX-License-Identifier: Apache-2.0
// Mapped pages are read together where their frames follow each other: the bytes and the gaps are those of single pages.
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Pfn, pfn } from '../../../src/core/address.js';
import type { FrameGap, FrameSource } from '../../../src/core/memory.js';
import type { MmRun } from '../../../src/spaces/mm-run.js';
import { type Pages, pagesOf, pieces } from '../../../src/spaces/reading.js';
import { type AddressSpace, type Gap, RunCursor } from '../../../src/spaces/space.js';

/** Pages of a process that follow each other: their first frame; null if they are swapped out. */
interface Area {
  readonly pages: number;
  readonly frame: number | null;
}

const GONE: FrameGap = { reason: 'excluded', message: 'left out' };
const SWAPPED: Gap = { reason: 'swap-entry', message: 'swapped out' };

/** The bytes of frames 0 to 99. */
const FRAMES = Array.from({ length: 100 }, (_, frame) =>
  Uint8Array.from({ length: 4096 }, (__, i) => (frame * 7 + i * 13 + (i >> 8)) & 0xff),
);
const bytesOf = (frame: number): Uint8Array => FRAMES[frame] as Uint8Array;

/** Frames of which each `lost` is missing. Those in a block of `block` frames are in one place of the file. */
class Machine implements FrameSource {
  together = 0;

  constructor(
    readonly lost: ReadonlySet<number>,
    readonly block: number,
  ) {}

  frame(frame: Pfn): DataView | null {
    return this.lost.has(frame) ? null : new DataView(bytesOf(frame).slice().buffer);
  }

  why(): FrameGap {
    return GONE;
  }

  stretch(frame: Pfn, target: Uint8Array): boolean {
    const count = target.length / 4096;
    if (Math.floor(frame / this.block) !== Math.floor((frame + count - 1) / this.block)) return false;
    for (let i = 0; i < count; i++) if (this.lost.has(frame + i)) return false;
    for (let i = 0; i < count; i++) target.set(bytesOf(frame + i), i * 4096);
    this.together += count;
    return true;
  }

  gapEnd(frame: Pfn, end: number): number {
    let next = frame + 1;
    while (next < end && this.lost.has(next)) next++;
    return next;
  }
}

class Cursor extends RunCursor<MmRun> {
  readonly #runs: readonly MmRun[];
  #next = 0;

  constructor(runs: readonly MmRun[]) {
    super({ ...(runs[0] as MmRun) });
    this.#runs = runs;
  }

  advance(): boolean {
    const run = this.#runs[this.#next++];
    if (run !== undefined) Object.assign(this.run, run);
    return run !== undefined;
  }
}

/** A process whose memory from page `first` on has these areas. */
function spaceOf(machine: Machine, first: number, areas: readonly Area[]) {
  const all: MmRun[] = [];
  let at = first;
  for (const { pages, frame } of areas) {
    const state = frame === null ? 'swapped' : 'mapped';
    all.push({ page: at, pages, state, frame, reason: frame === null ? 'swap-entry' : null } as unknown as MmRun);
    at += pages;
  }
  const cut = (from: number, end: number): MmRun[] =>
    all.flatMap((run) => {
      const [start, stop] = [Math.max(run.page, from), Math.min(run.page + run.pages, end)];
      const frame = run.frame === null ? null : pfn(run.frame + (start - run.page));
      return start < stop ? [{ ...run, page: start, pages: stop - start, frame }] : [];
    });
  const space: Pick<AddressSpace<MmRun>, 'runs' | 'bytes'> = {
    runs: (from, end) => new Cursor(cut(from, end)),
    bytes(page) {
      const [run] = cut(page, page + 1);
      if (run?.frame == null) return SWAPPED;
      return machine.frame(run.frame) ?? GONE;
    },
  };
  return { ...space, frames: machine, source: 'memory' as const, end: at } as never as Parameters<typeof pagesOf>[0] & {
    end: number;
  };
}

/** Each byte; or a number above all bytes, for the reason why it is missing. */
function read(memory: Pages, page: number, offset: number, length: number): Uint16Array {
  const found = new Uint16Array(length);
  let done = 0;
  for (const { bytes, gap, ...piece } of pieces(memory, page, offset, length)) {
    expect(piece.page * 4096 + piece.offset).toBe(page * 4096 + offset + done);
    if (bytes === null) found.fill(gap?.reason === 'excluded' ? 0x100 : 0x200, done, done + piece.length);
    else found.set(bytes, done);
    done += piece.length;
  }
  expect(done).toBe(length);
  return found;
}

const areas = fc.array(
  fc.record({ pages: fc.integer({ min: 1, max: 24 }), frame: fc.option(fc.integer({ min: 0, max: 60 }), { freq: 4 }) }),
  { minLength: 1, maxLength: 5 },
);

test('random areas, missing frames and ranges', () => {
  let together = 0;
  fc.assert(
    fc.property(
      areas,
      fc.uniqueArray(fc.nat(84), { maxLength: 4 }),
      fc.constantFrom(8, 1000),
      fc.array(fc.tuple(fc.nat(30), fc.nat(4095), fc.integer({ min: 1, max: 40 * 4096 })), {
        minLength: 1,
        maxLength: 3,
      }),
      (list, lost, block, ranges) => {
        const machine = new Machine(new Set(lost), block);
        const space = spaceOf(machine, 100, list);
        const memory = pagesOf(space);
        for (const [page, offset, length] of ranges) {
          const last = space.end * 4096 - (100 + page) * 4096 - offset;
          if (last <= 0) continue;
          const size = Math.min(length, last);
          const single: Pages = {
            source: 'memory',
            bytes: (each) => memory.bytes(each),
            gapEnd: (each, end) => memory.gapEnd(each, end),
          };
          expect(
            Buffer.from(read(memory, 100 + page, offset, size).buffer).equals(
              Buffer.from(read(single, 100 + page, offset, size).buffer),
            ),
          ).toBe(true);
        }
        together += machine.together;
      },
    ),
    { numRuns: 100 },
  );
  expect(together).toBeGreaterThan(500);
});
