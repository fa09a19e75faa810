// SPDX-License-Identifier: Apache-2.0
// A running host: what changes between readings is read again, and what never settles has moved.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { gfn, type Vpn } from '../../../src/core/address.js';
import { DumpError } from '../../../src/core/errors.js';
import { findProcess } from '../../../src/kernel/process.js';
import { selectVm } from '../../../src/kvm/select.js';
import { isGap } from '../../../src/spaces/space.js';
import { guestSpaceOf, mmSpaceOf } from '../../../src/spaces/spaces.js';
import { GuestTranslator } from '../../../src/translate/translator.js';
import { SyntheticHost } from '../../build/host.js';
import { openRunning } from '../../build/live.js';
import { PAGE, TABLE } from '../../build/memory.js';
import { ask, HVA, slot } from '../../build/translators.js';

const ACCESSED_DIRTY = 0x60n;

/**
 * A VM of 64 pages, all mapped to frames from 0x1000 on. From when it is returned on, `change` gets the number of the reading
 * that follows.
 */
function running(change: (host: ReturnType<SyntheticHost['vmm']> & { of: SyntheticHost }, reading: number) => void) {
  const of = new SyntheticHost();
  const made = of.vmm(191, [slot(0, 0n, 64n)]);
  for (let page = 0; page < 64; page++) made.tables.map(HVA + BigInt(page) * PAGE, 0x1000 + page);
  let before = Infinity;
  let last = 0;
  const host = openRunning(of, (reading) => {
    last = reading;
    if (reading > before) change({ ...made, of }, reading - before);
  });
  const { vm } = selectVm(host, '191', null);
  const all = { host, vm, translator: new GuestTranslator(vm, 0), space: guestSpaceOf(vm, 0) };
  before = last;
  return all;
}

describe('an address', () => {
  test('is read anew for each question', () => {
    let frame = 0x1005;
    const { translator } = running(({ tables }) => {
      tables.map(HVA + 0x5000n, frame);
    });
    expect(ask(translator, 0x5000n)).toMatchObject({ state: 'mapped', frame: 0x1005 });
    frame = 0x2000;
    expect(ask(translator, 0x5000n)).toMatchObject({ state: 'mapped', frame: 0x2000 });
  });

  test.each([1, 2, 3, 4, 5, 6])('that changed %i times has the last answer', (times) => {
    const { translator, host } = running(({ tables }, reading) => {
      tables.map(HVA + 0x5000n, 0x2000 + Math.min(reading - 1, times));
    });
    expect(ask(translator, 0x5000n)).toMatchObject({ state: 'mapped', frame: 0x2000 + times });
    expect(host.frames.live).toMatchObject({ again: times, moved: 0 });
  });

  test('that changes each time has moved, and nothing else is said of it', () => {
    const { translator, host } = running(({ tables }, reading) => {
      tables.map(HVA + 0x5000n, 0x2000 + reading);
    });
    expect(ask(translator, 0x5000n)).toEqual({
      state: 'moved',
      reason: 'entry-moved',
      frame: null,
      id: undefined,
      page: null,
      pageSize: null,
      swap: null,
    });
    expect(translator.steps).toEqual([]);
    expect(host.frames.live).toMatchObject({ moved: 1 });
    expect(ask(translator, 0x6000n)).toMatchObject({ state: 'mapped', frame: 0x1006 });
  });

  test('has not moved if the processor marks its entries', () => {
    const { translator, host } = running(({ tables }, reading) => {
      tables.map(HVA + 0x5000n, 0x1005, 0, reading % 2 === 0 ? TABLE : TABLE & ~ACCESSED_DIRTY);
    });
    expect(ask(translator, 0x5000n)).toMatchObject({ state: 'mapped', frame: 0x1005 });
    expect(host.frames.live).toMatchObject({ again: 0 });
  });

  test('whose page table is replaced has the answer of the new one', () => {
    const { translator } = running(({ tables, of }, reading) => {
      if (reading !== 2) return;
      const table = of.memory.allocate();
      of.memory.writeU64(BigInt(table) * PAGE + 5n * 8n, (0x3000n * PAGE) | TABLE);
      tables.set(HVA, 1, (BigInt(table) * PAGE) | TABLE);
    });
    expect(ask(translator, 0x5000n)).toMatchObject({ state: 'mapped', frame: 0x3000 });
    expect(ask(translator, 0x6000n)).toMatchObject({ state: 'not-present' });
  });

  test('whose memslot is replaced has the HVA of the new one', () => {
    const { translator } = running(({ of, vm, tables }, reading) => {
      if (reading !== 2) return;
      tables.map(HVA + 0x105000n, 0x4000);
      of.set('kvm', vm, { 'memslots[0]': of.slotSet([slot(0, 0n, 64n, HVA + 0x100000n)]) });
    });
    expect(ask(translator, 0x5000n)).toMatchObject({ frame: 0x4000, page: Number((HVA + 0x105000n) / PAGE) });
  });

  test('of a process that has exited is an error', () => {
    const { translator } = running(({ of, mm }) => {
      of.set('mm_struct', mm, { pgd: of.allocate(4096, PAGE) });
    });
    expect(() => translator.translate(gfn(5))).toThrow(DumpError);
  });
});

describe('the memory of a process', () => {
  const HALF = 0x5000;
  const spaceOf = (change: Parameters<typeof running>[0]) => {
    const { host } = running(change);
    return mmSpaceOf(host, findProcess(host, '191').mm);
  };
  const page = Number((HVA + BigInt(HALF)) / PAGE);

  test('is read until it settles', () => {
    const space = spaceOf(({ tables }, reading) => {
      tables.map(HVA + BigInt(HALF), reading < 3 ? 0x2000 + reading : 0x3000);
    });
    expect(space.page(page)).toMatchObject({ state: 'mapped', frame: 0x3000, page });
    expect(space.steps).toHaveLength(4);
  });

  test('has moved if it never does', () => {
    const space = spaceOf(({ tables }, reading) => {
      tables.map(HVA + BigInt(HALF), 0x2000 + reading);
    });
    expect(space.page(page)).toMatchObject({ state: 'moved', reason: 'entry-moved', frame: null });
    expect(space.steps).toEqual([]);
    expect(Array.from(space.runs(page - 1, page + 2), ({ state, pages }) => [state, pages])).toEqual([
      ['mapped', 1],
      ['moved', 1],
      ['mapped', 1],
    ]);
  });
});

describe('the bytes of a page', () => {
  const filled = (of: SyntheticHost, frame: number, byte: number): void => {
    of.memory.write(BigInt(frame) * PAGE, new Uint8Array(4096).fill(byte));
  };

  test('are those of the frame that it has before and after they are read', () => {
    const { space } = running(({ of, tables }, reading) => {
      const frame = reading < 3 ? 0x50000 + reading : 0x51000;
      filled(of, frame, frame === 0x51000 ? 7 : 8);
      tables.map(HVA + 0x5000n, frame);
    });
    const bytes = space.bytes(5);
    expect(isGap(bytes) ? bytes : bytes.getUint8(9)).toBe(7);
    expect(space.source).toBe('memory');
  });

  test('are none if it moves each time', () => {
    const { space } = running(({ of, tables }, reading) => {
      filled(of, 0x50000 + reading, 1);
      tables.map(HVA + 0x5000n, 0x50000 + reading);
    });
    expect(space.bytes(5)).toMatchObject({ reason: 'entry-moved' });
  });
});

describe('runs', () => {
  test('have the same answers as single pages, whichever pages move', () => {
    const restless = fc.uniqueArray(fc.integer({ min: 0, max: 63 }), { maxLength: 12 });
    fc.assert(
      fc.property(restless, (pages) => {
        const { space } = running(({ tables }, reading) => {
          for (const page of pages) tables.map(HVA + BigInt(page) * PAGE, 0x8000 + page * 0x100 + (reading & 0xff));
        });
        const states = Array.from(space.runs(0, 64), ({ page, pages: count, state, frame }) => ({
          page,
          count,
          state,
          frame,
        }));
        const each = states.flatMap(({ page, count, state, frame }) =>
          Array.from({ length: count }, (_, i) => [page + i, state, frame === null ? null : frame + i]),
        );
        expect(each).toEqual(
          Array.from({ length: 64 }, (_, i) => (pages.includes(i) ? [i, 'moved', null] : [i, 'mapped', 0x1000 + i])),
        );
        for (const page of pages) expect(space.page(page).state).toBe('moved');
        // No two runs could be one.
        for (const [i, { page, count, state, frame }] of states.entries()) {
          const next = states[i + 1];
          expect(next?.page ?? 64).toBe(page + count);
          if (next?.state === state) expect(next.frame).not.toBe((frame ?? 0) + count);
        }
      }),
      { numRuns: 25 },
    );
  });

  test('of a VM whose memslots changed have moved', () => {
    let isChanged = false;
    const { space } = running(({ of, vm }) => {
      if (isChanged) of.set('kvm', vm, { 'memslots[0]': of.slotSet([slot(0, 0n, 64n, HVA + 0x100000n)]) });
    });
    isChanged = true;
    expect(Array.from(space.runs(0, 64), ({ state, pages, frame }) => [state, pages, frame])).toEqual([
      ['moved', 64, null],
    ]);
  });

  test('longer than a piece are joined', () => {
    const of = new SyntheticHost();
    const { tables } = of.vmm(191, [slot(0, 0n, 0x20000n)]);
    tables.map(HVA, 0x40000, 2);
    const { vm } = selectVm(
      openRunning(of, () => undefined),
      '191',
      null,
    );
    expect(Array.from(guestSpaceOf(vm, 0).runs(0, 0x20000), ({ pages, frame }) => [pages, frame])).toEqual([
      [0x20000, 0x40000],
    ]);
  });
});

test('a list of slots that is being changed is read again', () => {
  const { translator } = running(({ of, vm }, reading) => {
    // For two readings the pointer leads nowhere.
    const good = of.slotSet([slot(0, 0n, 64n)]);
    of.set('kvm', vm, { 'memslots[0]': reading < 3 ? 0xffff_dead_0000_0000n : good });
  });
  expect(ask(translator, 0x5000n)).toMatchObject({ state: 'mapped', frame: 0x1005, page: Number(HVA / PAGE) + 5 });
});

test('what is not live keeps what it read', () => {
  const of = new SyntheticHost();
  const { tables } = of.vmm(191, [slot(0, 0n, 64n)]);
  tables.map(HVA, 0x1000);
  const opened = of.open();
  const space = mmSpaceOf(opened, findProcess(opened, '191').mm);
  expect(space.page(Number(HVA / PAGE) as Vpn).frame).toBe(0x1000);
  expect(opened.frames.live).toBeUndefined();
});
