// SPDX-License-Identifier: Apache-2.0
// A process's memory: runs give the same answers as single look-ups, in tables with entries of every kind.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Host } from '../../../src/kernel/host.js';
import type { Mm } from '../../../src/kernel/mm.js';
import { MmSpace } from '../../../src/spaces/mm-space.js';
import { isGap } from '../../../src/spaces/space.js';
import { SyntheticHost } from '../../build/host.js';
import { type EraOfMappings, eras } from '../../build/mappings.js';
import { PAGE, PageTables, PhysicalMemory, protNone, swapEntry, TABLE } from '../../build/memory.js';
import { type Paging, randomSpaces } from '../../build/page-tables.js';
import { expectAgreement, runsOf } from '../../build/runs.js';

const RUNS = 60;
const VM_SHARED = 8n;
const VM_PFNMAP = 0x400n;
const ERAS = Object.values(eras);

interface Machine {
  readonly built: SyntheticHost;
  readonly opened: Host;
  readonly maxPfn: bigint;
  readonly era: EraOfMappings;
}
const machines = new Map<string, Machine>();

/**
 * A host of this form of paging, with swap areas of types 0 to 2, two of them short, and one of type 3 that can't be
 * read.
 */
function machineOf({ levels, sme }: Paging, which: number): Machine {
  const key = `${levels} ${sme} ${which}`;
  const known = machines.get(key);
  if (known !== undefined) return known;
  const era = ERAS[which] as EraOfMappings;
  const built = new SyntheticHost({ levels, smeMask: sme, types: era.types, swapFiles: 24 });
  built.swapArea(0);
  built.swapArea(1, 5);
  built.swapArea(2, 700);
  built.u64(built.at('swap_info') + 3n * 8n, 0xffff888ffff00000n);
  const maxPfn = built.at('linux_banner') + 0x800n;
  built.symbol('bmax_pfn', maxPfn);
  const machine = { built, opened: built.open(), maxPfn, era };
  machines.set(key, machine);
  return machine;
}

interface Mapping {
  readonly gap: number;
  readonly pages: number;
  readonly flags: bigint;
  readonly file: bigint;
}

const mappings = fc.array(
  fc.record<Mapping>({
    gap: fc.constantFrom(0, 0, 1, 5, 300),
    pages: fc.constantFrom(1, 2, 3, 99, 256, 512, 5000, 2 ** 27),
    flags: fc.constantFrom(0n, VM_SHARED, VM_PFNMAP, VM_PFNMAP, 0x4000n, 0x10000000n),
    file: fc.constantFrom(0n, 0xffff888000002000n),
  }),
  { maxLength: 8 },
);

/** A process with these tables, and with mappings around the range that is tested. */
const processes = fc
  .record({
    space: randomSpaces,
    which: fc.nat(ERAS.length - 1),
    limit: fc.constantFrom(undefined, 0, 4, 300, 0x1000, 2 ** 20, 2 ** 36),
    maxPfn: fc.constantFrom(0n, 6n, 400n, 2n ** 37n),
    users: fc.constantFrom(0, 1, 1, 1),
    mapped: mappings,
  })
  .map(({ space, which, limit, maxPfn, users, mapped }) => {
    const { built, opened, maxPfn: variable, era } = machineOf(space, which);
    built.u64(variable, maxPfn);
    const address = built.make('mm_struct');
    const user = 2 ** (9 * space.levels - 1);
    let next = Math.max(0, space.from - 50);
    const list = mapped
      .map(({ gap, pages, flags, file }) => {
        const start = next + gap;
        next = start + pages;
        return { start: BigInt(start) * PAGE, end: BigInt(next) * PAGE, flags, file };
      })
      .filter(({ end }) => end <= BigInt(user) * PAGE);
    const addresses = list.map(({ start, end, flags, file }) =>
      built.make('vm_area_struct', { vm_start: start, vm_end: end, vm_flags: flags, vm_file: file }),
    );
    if (list.length > 0) era.plant(built, address, list, addresses);
    const mm: Mm = { address, root: space.root, users };
    const { memory } = space;
    const frames = { frame: memory.frame.bind(memory), why: memory.why.bind(memory), limit };
    return { memory: new MmSpace({ ...opened, frames }, mm), space, frames };
  });

describe('in random tables', () => {
  test('runs and single answers agree, and the runs are as long as possible', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(processes, ({ memory, space: { from, to } }) => {
        const runs = runsOf(memory, from, to, RUNS);
        expectAgreement(memory, runs);
        for (const { state, reason } of runs) seen.add(reason ?? state);
      }),
      // One fixed seed: the rarest kind occurs in most series of 400, but not in all.
      { numRuns: 400, seed: 22 },
    );
    // Every kind occurred.
    expect([...seen].sort()).toEqual([
      'address-space-gone',
      'bad-entry',
      'device-exclusive',
      'device-private',
      'empty-entry',
      'hva-noncanonical',
      'hwpoison-entry',
      'mapped',
      'marker-entry',
      'migration-entry',
      'page-cache-unreadable',
      'swap-entry',
      'table-cut-off',
      'table-excluded',
      'table-outside',
      'table-undecodable',
      'table-unreadable',
    ]);
  });

  test('a range that begins inside a run gives the rest of the run', () => {
    fc.assert(
      fc.property(processes, fc.nat(RUNS), fc.nat(), ({ memory, space: { from, to } }, which, on) => {
        const whole = runsOf(memory, from, to, RUNS);
        const run = whole[which % Math.max(1, whole.length)];
        if (run === undefined) return;
        const start = run.page + (on % run.pages);
        const [part] = runsOf(memory, start, to, 1);
        const swap = run.swap === null ? null : { ...run.swap, offset: run.swap.offset + start - run.page };
        const frame = run.frame === null ? null : run.frame + start - run.page;
        const { message } = memory.page(start);
        expect(part).toEqual({ ...run, page: start, pages: run.page + run.pages - start, frame, swap, message });
      }),
      { numRuns: 150 },
    );
  });

  test('bytes are those of the frame, or the reason why there are none, and do not change the answer', () => {
    fc.assert(
      fc.property(processes, ({ memory, space: { from, to }, frames }) => {
        for (const { page, state, reason, frame, message } of runsOf(memory, from, to, 20)) {
          const answer = memory.page(page);
          const bytes = memory.bytes(page);
          const other = memory.bytes(page + 1);
          expect(isGap(other)).toBe(!(other instanceof DataView));
          expect([answer.page, answer.state]).toEqual([page, state]);
          if (reason !== null) expect(bytes).toEqual({ reason, message });
          else expect(bytes).toEqual(frames.frame(frame as never) ?? frames.why(frame as never));
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('in explicit tables', () => {
  const BASE = 0x7f0222a00;
  const address = (on: number): bigint => BigInt(BASE + on) * PAGE;
  /** [first, pages, state or reason, frame, bytes of a leaf, type and offset in swap]. */
  type Row = readonly [number, number, string, number | null, number | null, (readonly [number, number])?];

  interface Wish {
    readonly limit?: number;
    readonly maxPfn?: bigint;
    /** Pages from BASE on that belong to a device. */
    readonly device?: readonly [from: number, to: number];
  }

  function runsAt(from: number, to: number, fill: (tables: PageTables) => void, wish: Wish = {}): Row[] {
    const { built, opened, maxPfn, era } = machineOf({ levels: 4, sme: 0n }, 1);
    built.u64(maxPfn, wish.maxPfn ?? 0n);
    const memory = new PhysicalMemory(0x3000);
    const tables = new PageTables(memory, 4);
    fill(tables);
    const mm = built.make('mm_struct');
    if (wish.device !== undefined) {
      const [start, end] = [address(wish.device[0]), address(wish.device[1])];
      const vma = built.make('vm_area_struct', { vm_start: start, vm_end: end, vm_flags: VM_PFNMAP });
      era.plant(built, mm, [{ start, end }], [vma]);
    }
    const frames = { frame: memory.frame.bind(memory), why: memory.why.bind(memory), limit: wish.limit };
    const space = new MmSpace({ ...opened, frames }, { address: mm, root: tables.root, users: 1 });
    const runs = runsOf(space, BASE + from, BASE + to);
    expectAgreement(space, runs);
    return runs.map(({ page, pages, state, reason, frame, pageSize, swap }) => {
      const row = [page - BASE, pages, reason ?? state, frame, pageSize] as const;
      return swap === null ? row : [...row, [swap.type, swap.offset]];
    });
  }

  test('pages, huge pages, places in swap and gaps', () => {
    const rows = runsAt(-10, 3072, (tables) => {
      for (let i = 0; i < 512; i++) tables.map(address(i), 0x5000 + i);
      tables.map(address(512), 0x5200, 1);
      tables.map(address(1024), 0x5400, 1);
      for (let i = 0; i < 6; i++) tables.set(address(1536 + i), 0, swapEntry(0, BigInt(70 + i)));
      tables.set(address(1542), 0, swapEntry(0, 77n));
      tables.set(address(1543), 0, swapEntry(2, 78n));
      tables.set(address(1544), 0, swapEntry(2, 800n));
      tables.set(address(1545), 0, 0x80n);
      tables.set(address(1546), 0, swapEntry(31, 1n));
      tables.set(address(1547), 0, swapEntry(31, 1n));
      tables.set(address(1548), 0, protNone(0x600));
      tables.map(address(1549), 0x601);
      tables.set(address(1550), 0, swapEntry(25, 0x602n));
      tables.set(address(1551), 0, swapEntry(26, 0x603n));
      // Two missing tables.
      tables.set(address(2048), 1, (0x98n << 12n) | TABLE);
      tables.set(address(2560), 1, (0x97n << 12n) | TABLE);
    });
    expect(rows).toEqual([
      [-10, 10, 'empty-entry', null, null],
      [0, 512, 'mapped', 0x5000, 4096],
      [512, 1024, 'mapped', 0x5200, 2 ** 21],
      [1536, 6, 'swap-entry', null, null, [0, 70]],
      [1542, 1, 'swap-entry', null, null, [0, 77]],
      [1543, 1, 'swap-entry', null, null, [2, 78]],
      [1544, 2, 'bad-entry', null, null],
      [1546, 2, 'marker-entry', null, null],
      [1548, 1, 'mapped', 0x600, 4096],
      [1549, 1, 'mapped', 0x601, 4096],
      [1550, 2, 'migration-entry', 0x602, null],
      [1552, 496, 'empty-entry', null, null],
      [2048, 1024, 'table-outside', null, null],
    ]);
  });

  test('frames beyond the machine: the run is cut at the end of memory, and at the borders of a device', () => {
    const fill = (tables: PageTables): void => {
      for (let i = 0; i < 512; i++) tables.map(address(i), 0x8e00 + i);
      tables.map(address(512), 0x9000, 1);
      tables.map(address(1024), 0x9200, 1);
      tables.set(address(1536), 1, (0x9400n << 12n) | TABLE);
    };
    const rest: Row = [1536, 512, 'table-outside', null, null];
    expect(runsAt(0, 2048, fill)).toEqual([
      [0, 512, 'mapped', 0x8e00, 4096],
      [512, 1024, 'mapped', 0x9000, 2 ** 21],
      rest,
    ]);
    expect(runsAt(0, 2048, fill, { limit: 0x8e64 })).toEqual([
      [0, 100, 'mapped', 0x8e00, 4096],
      [100, 1948, 'bad-entry', null, null],
    ]);
    // The kernel knows of more memory than the dump.
    expect(runsAt(0, 2048, fill, { limit: 0x8e64, maxPfn: 0x9100n })).toEqual([
      [0, 512, 'mapped', 0x8e00, 4096],
      [512, 256, 'mapped', 0x9000, 2 ** 21],
      [768, 1280, 'bad-entry', null, null],
    ]);
    expect(runsAt(0, 2048, fill, { limit: 0x8e64, maxPfn: 0x10000n }).at(-1)).toEqual(rest);
    expect(runsAt(0, 2048, fill, { limit: 0x8e64, device: [50, 700] })).toEqual([
      [0, 512, 'mapped', 0x8e00, 4096],
      [512, 188, 'mapped', 0x9000, 2 ** 21],
      [700, 1348, 'bad-entry', null, null],
    ]);
    expect(runsAt(0, 2048, fill, { limit: 0x8e64, device: [300, 800] })).toEqual([
      [0, 100, 'mapped', 0x8e00, 4096],
      [100, 200, 'bad-entry', null, null],
      [300, 212, 'mapped', 0x8f2c, 4096],
      [512, 288, 'mapped', 0x9000, 2 ** 21],
      [800, 1248, 'bad-entry', null, null],
    ]);
  });

  test('pages of a process end with the lower half of the addresses', () => {
    const end = 2 ** 35;
    expect(
      runsAt(end - 4 - BASE, end + 3 - BASE, (tables) => {
        tables.map(BigInt(end - 3) * PAGE, 0x77);
      }),
    ).toEqual([
      [end - 4 - BASE, 1, 'empty-entry', null, null],
      [end - 3 - BASE, 1, 'mapped', 0x77, 4096],
      [end - 2 - BASE, 2, 'empty-entry', null, null],
      [end - BASE, 3, 'hva-noncanonical', null, null],
    ]);
    expect(runsAt(end + 5 - BASE, 2 ** 52 - BASE, () => undefined)).toHaveLength(1);
    expect(runsAt(5, 5, () => undefined)).toEqual([]);
    expect(runsAt(5, 4, () => undefined)).toEqual([]);
  });
});
