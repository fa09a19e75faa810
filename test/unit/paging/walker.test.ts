// SPDX-License-Identifier: Apache-2.0
// The tables that a walker caches do not change any answer.
import { expect, test } from '@jest/globals';
import { type Pfn, pfn, vpnOf } from '../../../src/core/address.js';
import { x86Form } from '../../../src/paging/form.js';
import { PageWalker, Walk } from '../../../src/paging/walker.js';
import { PAGE, PageTables, PhysicalMemory, protNone, swapEntry, TABLE, va } from '../../build/memory.js';

const NX = 1n << 63n;
const at = (frame: number) => BigInt(frame) * PAGE;
const GAP = { reason: 'excluded', message: 'left out' } as const;

test('adjacent pages of every kind, in any order, are answered as if each were the first', () => {
  const memory = new PhysicalMemory(0x100000);
  memory.gaps.set(0x99, GAP);
  const tables = new PageTables(memory, 4);
  const group = va(3, 5, 7, 0);
  for (let i = 0; i < 512; i++)
    if (i % 4 === 0) tables.map(group + BigInt(i) * PAGE, 0x5000 + i);
    else if (i % 4 === 1) tables.set(group + BigInt(i) * PAGE, 0, protNone(0x6000 + i));
    else if (i % 4 === 2) tables.set(group + BigInt(i) * PAGE, 0, swapEntry(0, BigInt(i)));
  tables.map(va(3, 5, 8, 0), 0x7c00, 1);
  tables.set(va(3, 5, 9, 0), 1, at(0x99) | TABLE);
  tables.map(va(3, 6, 0, 0), 0xc0000, 2);
  const pages = Array.from({ length: 4096 }, (_, i) => vpnOf(group + BigInt((i * 2654435761) % 4096) * PAGE));
  const others = [va(3, 6, 3, 3), va(4, 0, 0, 0), va(3, 6, 511, 511)].map((address) => vpnOf(address));
  const shared = new PageWalker(memory, x86Form(4));
  for (const page of [...pages, ...others, ...pages.slice(0, 100)]) {
    const alone = new PageWalker(memory, x86Form(4));
    const expected = alone.walk(tables.root, page);
    expect([shared.walk(tables.root, page), shared.level, shared.frame]).toEqual([expected, alone.level, alone.frame]);
    for (let level = 3; level >= shared.level; level--)
      if (expected !== Walk.TableMissing || level > shared.level)
        expect([shared.hi[level], shared.lo[level], shared.entryAddress(level, page)]).toEqual([
          alone.hi[level],
          alone.lo[level],
          alone.entryAddress(level, page),
        ]);
  }
});

test("the kernel's copy of a process's tables, whose user entries KPTI marks NX in the top table, is walked normally", () => {
  const memory = new PhysicalMemory(0x100000);
  const tables = new PageTables(memory, 4);
  const address = va(3, 5, 7, 9);
  tables.map(address, 0x1234);
  tables.set(address, 3, memory.readU64(tables.entry(address, 3)) | NX);
  const walker = new PageWalker(memory, x86Form(4));
  expect([walker.walk(tables.root, vpnOf(address)), walker.frame]).toEqual([Walk.Mapped, 0x1234]);
});

test('a walk that ends with an exception does not affect the next one', () => {
  const memory = new PhysicalMemory(0x100000);
  const tables = new PageTables(memory, 4);
  tables.map(va(1, 1, 1, 1), 0x11);
  tables.map(va(1, 2, 1, 1), 0x22);
  let broken = false;
  const source = {
    why: (frame: Pfn) => memory.why(frame),
    frame: (frame: Pfn) => {
      if (broken) throw new Error('broken');
      return memory.frame(frame);
    },
  };
  const walker = new PageWalker(source, x86Form(4));
  const [one, two] = [vpnOf(va(1, 1, 1, 1)), vpnOf(va(1, 2, 1, 1))];
  expect([walker.walk(tables.root, one), walker.frame]).toEqual([Walk.Mapped, 0x11]);
  broken = true;
  expect(() => walker.walk(tables.root, two)).toThrow('broken');
  broken = false;
  expect([walker.walk(tables.root, two), walker.frame]).toEqual([Walk.Mapped, 0x22]);
  expect([walker.walk(tables.root, one), walker.frame]).toEqual([Walk.Mapped, 0x11]);
  broken = true;
  expect(() => walker.walk(tables.root, two)).toThrow('broken');
  expect(() => walker.walk(tables.root, one)).toThrow('broken');
  broken = false;
  expect([walker.walk(tables.root, one), walker.frame]).toEqual([Walk.Mapped, 0x11]);
});

test('two address spaces with one walker do not mix', () => {
  const memory = new PhysicalMemory(0x100000);
  const [one, two] = [new PageTables(memory, 4), new PageTables(memory, 4)];
  one.map(va(1, 1, 1, 1), 0x11);
  two.map(va(1, 1, 1, 1), 0x22);
  const walker = new PageWalker(memory, x86Form(4));
  const page = vpnOf(va(1, 1, 1, 1));
  const frames = [one, two, one].map(({ root }) => [walker.walk(root, page), walker.frame]);
  expect(frames).toEqual([
    [Walk.Mapped, 0x11],
    [Walk.Mapped, 0x22],
    [Walk.Mapped, 0x11],
  ]);
  expect(walker.walk(pfn(0x123), page)).toBe(Walk.TableMissing);
});
