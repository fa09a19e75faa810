// SPDX-License-Identifier: Apache-2.0
// Mappings of a process: all, those of a range, and damaged ones; in a red-black tree and in a maple tree.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readMm } from '../../../src/kernel/mm.js';
import { findVma, vmas } from '../../../src/kernel/vma.js';
import { NOWHERE } from '../../build/containers.js';
import { SyntheticHost } from '../../build/host.js';
import { type EraOfMappings, eras, type Wish } from '../../build/mappings.js';

const PAGE = 4096n;
/** A host with a process with these mappings: the addresses of its mm and the mappings, and the expected result. */
interface Built {
  readonly host: SyntheticHost;
  readonly mm: bigint;
  readonly addresses: readonly bigint[];
  readonly found: readonly unknown[];
}

/** `plant`: the contents of the tree, if they differ from the mappings. */
function build(era: EraOfMappings, list: readonly Wish[], { users = 1, planted = list } = {}): Built {
  const host = new SyntheticHost({ types: era.types });
  const mm = host.mm(users).address;
  const rest = (i: number) => ({
    vm_flags: 0x70n + BigInt(i),
    vm_pgoff: BigInt(i) * 3n,
    vm_file: BigInt(i % 2) * 0xffff888000002000n,
  });
  const addresses = list.map(({ start, end }, i) =>
    host.make('vm_area_struct', { vm_start: start, vm_end: end, ...rest(i) }),
  );
  era.plant(host, mm, planted, addresses);
  const found = list.map(({ start, end }, i) => {
    const { vm_flags: flags, vm_pgoff: pgoff, vm_file: file } = rest(i);
    return { address: addresses[i], start, end, flags, pgoff, file };
  });
  return { host, mm, addresses, found };
}

function walk({ host, mm }: Built, ...range: bigint[]) {
  const opened = host.open();
  const found: unknown[] = [];
  try {
    for (const vma of vmas(opened, readMm(opened, mm), ...range)) found.push(vma);
  } catch (error) {
    return { found, problem: (error as Error).message };
  }
  return { found, problem: null };
}

/** Mappings in ascending order, some of them adjacent; in pages. */
const wishes = fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 5 })), { maxLength: 60 }).map((steps) => {
  let at = 0x400n;
  return steps.map(([gap, pages]) => {
    const start = at + BigInt(gap);
    at = start + BigInt(pages);
    return { start: start * PAGE, end: at * PAGE };
  });
});

/** 40 mappings of two pages, with a gap of one page between them. */
const forty = Array.from({ length: 40 }, (_, i) => {
  const start = (0x1000n + BigInt(i) * 3n) * PAGE;
  return { start, end: start + 2n * PAGE };
});

describe.each(Object.entries(eras))('in %s', (name, era) => {
  test('all are found in order, also those of a range, and look-ups find each', () => {
    fc.assert(
      fc.property(wishes, fc.nat(300), fc.nat(300), (list, a, b) => {
        const built = build(era, list);
        expect(walk(built)).toEqual({ found: built.found, problem: null });
        const [from, to] = [0x3f0n * PAGE + BigInt(a) * 1024n, 0x3f0n * PAGE + BigInt(b) * 2048n];
        const some = built.found.filter(
          (_, i) => (list[i] as Wish).start < to && (list[i] as Wish).end > from && from < to,
        );
        expect(walk(built, from, to)).toEqual({ found: some, problem: null });
        const opened = built.host.open();
        const mm = readMm(opened, built.mm);
        list.forEach(({ start, end }, i) => {
          for (const address of [start, end - 1n]) expect(findVma(opened, mm, address)).toEqual(built.found[i]);
        });
      }),
      { numRuns: 12 },
    );
  });

  test('the first and the last possible page', () => {
    const list = [
      { start: 0n, end: PAGE },
      { start: (1n << 47n) - PAGE, end: 1n << 47n },
    ];
    const built = build(era, list);
    expect(walk(built)).toEqual({ found: built.found, problem: null });
    expect(walk(built, 0n, 1n).found).toEqual(built.found.slice(0, 1));
    expect(walk(built, 5n, 5n).found).toEqual([]);
  });

  test('an address space that no longer exists has none', () => {
    expect(walk(build(era, forty, { users: 0 }))).toEqual({ found: [], problem: null });
  });

  test.each([
    ['is empty', { vm_end: (forty[20] as Wish).start }],
    ['ends before it starts', { vm_start: (forty[20] as Wish).end + PAGE }],
    ['is a page of zeros', { vm_start: 0n, vm_end: 0n }],
    ['does not end with a page', { vm_end: (forty[20] as Wish).end - 8n }],
    ['ends above the memory of a process', { vm_end: (1n << 63n) + PAGE }],
  ])('one that %s is damage: the others come first', (_name, change) => {
    const built = build(era, forty);
    built.host.set('vm_area_struct', built.addresses[20] as bigint, change);
    expect(walk(built)).toEqual({
      found: built.found.filter((_, i) => i !== 20),
      problem: expect.stringMatching(/^kernel memory at 0x\w+: the mapping 0x\w+-0x\w+ is impossible$/),
    });
    // Ranges that do not overlap it: after it, and up to its start.
    expect(walk(built, (forty[30] as Wish).start).found).toEqual(built.found.slice(30));
    expect(walk(built, 0n, (forty[19] as Wish).end)).toEqual({ found: built.found.slice(0, 20), problem: null });
    expect(walk(built, 0n, (forty[10] as Wish).end)).toEqual({ found: built.found.slice(0, 11), problem: null });
  });

  // The tree of old kernels does not have the addresses: which of the two is wrong is not known.
  test.each([
    ['starts in the one before', 20, { vm_start: (forty[19] as Wish).start + PAGE }, [19, 20]],
    ['starts with the one before', 20, { vm_start: (forty[19] as Wish).start }, [19, 20]],
    ['ends in the one after', 20, { vm_end: (forty[21] as Wish).start + PAGE }, [20, 21]],
    ['ends after many others', 20, { vm_end: (forty[30] as Wish).end }, [20, 21]],
  ])('one that %s is damage: neither is taken', (_name, at, change, both) => {
    const built = build(era, forty);
    built.host.set('vm_area_struct', built.addresses[at] as bigint, change);
    const isMaple = name === 'a maple tree';
    const wrong = isMaple ? [at] : both;
    const problem = expect.stringMatching(
      isMaple
        ? /^kernel memory at 0x\w+: the mapping 0x\w+-0x\w+ is stored for 0x\w+$/
        : /^kernel memory at 0x\w+: the mapping 0x\w+-0x\w+ follows one that ends at 0x\w+$/,
    );
    expect(walk(built)).toEqual({ found: built.found.filter((_, i) => !wrong.includes(i)), problem });
    // A range that ends in the first of them.
    const first = Math.min(...wrong);
    expect(walk(built, 0n, (forty[first] as Wish).start + 1n)).toEqual({ found: built.found.slice(0, first), problem });
    expect(walk(built, (forty[first] as Wish).start, (forty[first] as Wish).end)).toEqual({ found: [], problem });
    expect(walk(built, 0n, (forty[10] as Wish).end)).toEqual({ found: built.found.slice(0, 11), problem: null });
  });

  test('the subtree of a node that is not in the dump is missing: the others come first', () => {
    const built = build(era, forty);
    if (name === 'a maple tree') {
      const root = built.host.pointer(built.mm + built.host.offset('mm_struct', 'mm_mt.ma_root')) & ~0xffn;
      built.host.set('maple_arange_64', root, { 'slot[1]': NOWHERE | 0xcn });
    } else {
      const node = (built.addresses[30] as bigint) + built.host.offset('vm_area_struct', 'vm_rb');
      built.host.set('rb_node', node, { rb_left: NOWHERE });
    }
    // The second leaf, after one with seven mappings and the gaps between them; the left half of the right half.
    const [first, last] = name === 'a maple tree' ? [7, 14] : [21, 29];
    expect(walk(built)).toEqual({
      found: built.found.filter((_, i) => i < first || i > last),
      problem: expect.stringMatching(/node (of the tree of mappings )?at 0xffff888ffff00000: not mapped/),
    });
    expect(walk(built, 0n, (forty[3] as Wish).end)).toEqual({ found: built.found.slice(0, 4), problem: null });
  });
});

test('a mapping with another range than in the maple tree is damage', () => {
  const era = eras['a maple tree'] as EraOfMappings;
  const planted = forty.map((wish, i) => (i === 20 ? { start: wish.start, end: wish.end + PAGE } : wish));
  const built = build(era, forty, { planted });
  expect(walk(built)).toEqual({
    found: built.found.filter((_, i) => i !== 20),
    problem: expect.stringMatching(/the mapping 0x103c000-0x103e000 is stored for 0x103c000$/),
  });
});

test('a kernel whose maple nodes have another layout than the usual one', () => {
  const era = eras['a maple tree'] as EraOfMappings;
  const types = era.types.replace('  u64 pivot[9]\n  ptr slot[10]\n', '  ptr slot[10]\n  u64 pivot[9]\n');
  expect(types).not.toBe(era.types);
  const built = build({ ...era, types }, forty);
  const opened = built.host.open();
  const mm = readMm(opened, built.mm);
  forty.forEach(({ start, end }, i) => {
    for (const address of [start, end - 1n]) expect(findVma(opened, mm, address)).toEqual(built.found[i]);
    expect(findVma(opened, mm, end)).toBeNull();
  });
});

test.each([
  [40, null],
  [41, expect.stringMatching(/: map_count is 41, but 40 mappings can be found$/)],
])('the kernel counted %d mappings', (count, problem) => {
  const era = eras['a maple tree'] as EraOfMappings;
  const types = era.types.replace(/mm_struct \{\n/, 'mm_struct {\n  int map_count\n  int unused\n');
  const built = build({ ...era, types }, forty);
  built.host.set('mm_struct', built.mm, { map_count: count });
  expect(walk(built)).toEqual({ found: built.found, problem });
  expect(walk(built, 0n, (forty[39] as Wish).end).problem).toBeNull();
});

test("a mapping that can't be read is reported after the others", () => {
  const era = eras['a maple tree'] as EraOfMappings;
  const built = build(era, forty);
  const addresses = built.addresses.map((address, i) => (i === 20 ? NOWHERE : address));
  era.plant(built.host, built.mm, forty, addresses);
  expect(walk(built)).toEqual({
    found: built.found.filter((_, i) => i !== 20),
    problem: expect.stringMatching(/^vm_area_struct at 0xffff888ffff00000: not mapped/),
  });
});
