// SPDX-License-Identifier: Apache-2.0
// Maple trees: entries of a range in order, look-ups, and damage.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { DumpError } from '../../../src/core/errors.js';
import type { Memory } from '../../../src/core/memory.js';
import { mapleEntries, mapleEntry } from '../../../src/kernel/containers/maple.js';
import { layoutOf, USUAL } from '../../../src/kernel/containers/maple-nodes.js';
import { ContainerMemory, Counted, LayoutTypes, NOWHERE } from '../../build/containers.js';
import { type Kept, MAPLE, type MapleShape, mapleTree } from '../../build/maple.js';

const TOP = (1n << 64n) - 1n;
const TREE = 0xffff888001234560n;

const kernel = new ContainerMemory(MAPLE);
const layout = () => layoutOf(kernel.types);
const treeOf = (entries: readonly Kept[], shape?: MapleShape): bigint => mapleTree(kernel, TREE, entries, shape);

function walk(root: bigint, from = 0n, to = TOP, memory: Memory = kernel.view) {
  const found: Kept[] = [];
  try {
    for (const kept of mapleEntries(memory, kernel.types, root, from, to)) found.push(kept);
  } catch (error) {
    return { found, problem: (error as Error).message };
  }
  return { found, problem: null };
}

/** Entries in ascending order, some of them adjacent, some at the first and last index. */
const entries = fc
  .uniqueArray(fc.oneof(fc.bigInt(0n, 300n), fc.bigInt(0n, TOP), fc.constantFrom(0n, 1n, TOP - 1n, TOP)), {
    maxLength: 120,
  })
  .map((list) => {
    const edges = list.sort((a, b) => (a < b ? -1 : 1));
    const kept: Kept[] = [];
    for (let i = 0; i < edges.length; i++) {
      const first = edges[i] as bigint;
      const next = edges[i + 1];
      // A third of them end where the next one begins, a third cover one index.
      const last = i % 3 === 0 ? (next ?? TOP + 1n) - 1n : first;
      kept.push({ first, last, entry: 0xffff888000000000n + BigInt(i) * 64n });
    }
    return kept;
  });
const shapes = fc
  .record({ stream: fc.infiniteStream(fc.nat()), gaps: fc.boolean() })
  .map(({ stream, gaps }): MapleShape => ({ fill: (most) => 1 + ((stream.next().value as number) % most), gaps }));

test('the usual layout is that of the kernel', () => {
  expect(layout()).toMatchObject(USUAL);
});

describe('iteration', () => {
  test('gives the entries in order, as look-ups do', () => {
    fc.assert(
      fc.property(entries, shapes, (list, shape) => {
        const root = treeOf(list, shape);
        expect(walk(root)).toEqual({ found: list, problem: null });
        for (const { first, last, entry } of list) {
          expect([first, last].map((index) => mapleEntry(kernel.view, layout, root, index))).toEqual([entry, entry]);
          for (const outside of [first - 1n, last + 1n]) {
            if (outside < 0n || outside > TOP) continue;
            const there = list.find((kept) => kept.first <= outside && kept.last >= outside);
            expect(mapleEntry(kernel.view, layout, root, outside)).toBe(there?.entry ?? 0n);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  test('of a range gives all entries that overlap it', () => {
    fc.assert(
      fc.property(
        entries,
        shapes,
        fc.array(fc.tuple(fc.nat(400), fc.nat(400)), { minLength: 5, maxLength: 5 }),
        (list, shape, ranges) => {
          const root = treeOf(list, shape);
          const edges = [0n, ...list.flatMap(({ first, last }) => [first, last]), TOP];
          for (const [a, b] of ranges) {
            const [from, to] = [edges[a % edges.length], edges[b % edges.length]] as [bigint, bigint];
            expect(walk(root, from, to).found).toEqual(
              list.filter(({ first, last }) => first <= to && last >= from && from <= to),
            );
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test('of a range reads the path to it and the range, a look-up only the path', () => {
    const list = Array.from({ length: 5000 }, (_, i) => ({
      first: BigInt(i) * 8n,
      last: BigInt(i) * 8n + 3n,
      entry: BigInt(i + 1) * 64n,
    }));
    const root = treeOf(list);
    const view = new Counted(kernel.view);
    expect([...mapleEntries(view, kernel.types, root, 20002n, 20016n)]).toEqual(list.slice(2500, 2503));
    expect(view.reads.length).toBeLessThanOrEqual(6);
    const way = new Counted(kernel.view);
    expect(mapleEntry(way, layout, root, 20002n)).toBe(2501n * 64n);
    expect(way.reads.map(([, length]) => length)).toEqual([256, 256, 256, 256]);
    expect(view.reads).toEqual(expect.arrayContaining(way.reads));
  });

  test.each([
    ['nothing', 0n, []],
    ['an entry for only index 0', 0xffff888000001000n, [{ first: 0n, last: 0n, entry: 0xffff888000001000n }]],
    ['a reserved value', 0x402n, []],
  ])('a root that is not a node: %s', (_name, root, found) => {
    expect(walk(root)).toEqual({ found, problem: null });
    expect(walk(root, 1n).found).toEqual([]);
    expect(mapleEntry(kernel.view, layout, root, 0n)).toBe(found[0]?.entry ?? 0n);
    expect(mapleEntry(kernel.view, layout, root, 1n)).toBe(0n);
  });

  test('values below 4096 that end in binary 10 are not entries, others are', () => {
    const value = (first: bigint, entry: bigint): Kept => ({ first, last: first, entry });
    const list = [value(1n, 0x402n), value(2n, 0xffen), value(3n, 0xfffn), value(4n, 0x1002n), value(5n, 4n)];
    const root = treeOf(list);
    expect(walk(root).found).toEqual(list.slice(2));
    expect(list.map(({ first }) => mapleEntry(kernel.view, layout, root, first))).toEqual([
      0n,
      0n,
      0xfffn,
      0x1002n,
      4n,
    ]);
  });
});

describe('damage', () => {
  /** A tree of three levels with 200 entries of 8 indices each; its nodes by level, each with its address. */
  function three() {
    const list = Array.from({ length: 200 }, (_, i) => ({
      first: BigInt(i) * 8n,
      last: BigInt(i) * 8n + 7n,
      entry: BigInt(i + 1) * 4096n,
    }));
    const root = treeOf(list, { fill: (most) => most });
    const child = (pointer: bigint, slot: number): bigint =>
      kernel.pointer((pointer & ~0xffn) + kernel.offset('maple_arange_64', `slot[${slot}]`));
    const inner = child(root, 1);
    return { list, root, inner, leaf: child(inner, 0), child };
  }
  const address = (pointer: bigint): bigint => pointer & ~0xffn;

  type Three = ReturnType<typeof three>;
  const inSlot = (pointer: bigint, slot: number, value: bigint) => {
    kernel.set('maple_arange_64', address(pointer), { [`slot[${slot}]`]: value });
  };
  test.each([
    [
      'a node that is not in the dump',
      ({ root }: Three) => {
        inSlot(root, 1, NOWHERE | 0x1cn);
      },
      /^maple node at 0xffff888ffff00000: not mapped: its P\w\w entry does not lead to a page/,
    ],
    [
      'a dense node',
      ({ root, inner }: Three) => {
        inSlot(root, 1, address(inner) | 4n);
      },
      /a maple node can't be of type 0$/,
    ],
    [
      'a type that does not exist',
      ({ root, inner }: Three) => {
        inSlot(root, 1, address(inner) | 0x2cn);
      },
      /a maple node can't be of type 5$/,
    ],
    [
      'a child that is missing',
      ({ root }: Three) => {
        inSlot(root, 1, 0n);
      },
      /a maple node lacks a child$/,
    ],
    [
      'a child that is a reserved value',
      ({ root }: Three) => {
        inSlot(root, 1, 0x402n);
      },
      /a maple node lacks a child$/,
    ],
    [
      'a loop',
      ({ root }: Three) => {
        inSlot(root, 1, root & ~2n);
      },
      /the maple node in slot 1 of 0x\w+ names 0x\w+ as its parent$/,
    ],
    [
      'a node that occurs twice',
      ({ root, child }: Three) => {
        inSlot(root, 1, child(root, 0));
      },
      /the maple node in slot 1 of 0x\w+ names 0x\w+ as its parent$/,
    ],
    [
      'a page of zeros',
      ({ inner }: Three) => {
        kernel.write(address(inner), new Uint8Array(256));
      },
      /the maple node in slot 1 of 0x\w+ names 0x0 as its parent$/,
    ],
    [
      'a dead node',
      ({ inner }: Three) => {
        kernel.u64(address(inner), address(inner));
      },
      /the maple node in slot 1 of 0x(\w+) names 0x\w+ as its parent$/,
    ],
    [
      'a last slot that does not exist',
      ({ inner }: Three) => {
        kernel.set('maple_arange_64', address(inner), { 'meta.end': 10 });
      },
      /the last slot of a maple node can't be 10$/,
    ],
    [
      'descending pivots',
      ({ inner }: Three) => {
        kernel.set('maple_arange_64', address(inner), { 'pivot[0]': 7n });
      },
      /the pivots of a maple node do not ascend$/,
    ],
    [
      'a pivot beyond its node',
      ({ inner }: Three) => {
        kernel.set('maple_arange_64', address(inner), { 'pivot[0]': TOP });
      },
      /the pivots of a maple node do not ascend$/,
    ],
  ])('%s: the entries before it are found', (_name, change, problem) => {
    const built = three();
    change(built);
    const { found, problem: said } = walk(built.root);
    expect(said).toMatch(problem);
    expect(found).toEqual(built.list.slice(0, found.length));
    // The root's first child has ten leaves of sixteen slots.
    expect(found).toHaveLength(160);
    expect(walk(built.root, 0n, 100n)).toEqual({ found: built.list.slice(0, 13), problem: null });
  });

  test('a root that is not a root node', () => {
    const { inner } = three();
    expect(walk(inner | 2n)).toEqual({
      found: [],
      problem: expect.stringMatching(/the maple node at the root names 0x\w+ as its parent$/),
    });
  });

  test('if the types have no parents, a loop ends at the maximum depth', () => {
    const types = new LayoutTypes(MAPLE.replaceAll('  ptr parent\n', '  u64 hidden\n'));
    const { root } = three();
    // The node has one slot, which contains the node itself.
    const node = address(root);
    kernel.set('maple_arange_64', node, { 'slot[0]': root & ~2n, 'meta.end': 0 });
    const of = (): unknown => [...mapleEntries(kernel.view, types, root)];
    expect(of).toThrow(/maple tree: deeper than 16 levels/);
    expect(() => mapleEntry(kernel.view, () => layoutOf(types), root, 0n)).toThrow(/maple tree: deeper than 16 levels/);
  });

  test('a node whose parent is just being replaced is not damage while the old parent still points to it', () => {
    const { list, root, inner } = three();
    // As between mas_put_in_tree and mas_adopt_children: the tree has the new node, but its children name the old one.
    const old = kernel.allocate(256);
    const copy = kernel.view.read(address(inner), 256);
    if ('reason' in copy) throw new Error(copy.message);
    kernel.write(old, copy.array());
    const leaves = [0, 1, 2].map((slot) =>
      kernel.pointer(address(inner) + kernel.offset('maple_arange_64', `slot[${slot}]`)),
    );
    leaves.forEach((leaf, slot) => {
      kernel.u64(address(leaf), old | (BigInt(slot) << 3n) | 6n);
    });
    expect(walk(root)).toEqual({ found: list, problem: null });
    kernel.write(old, new Uint8Array(256));
    expect(walk(root).problem).toMatch(/in slot 0 of 0x\w+ names/);
  });

  test("nodes that can't be read are reported, and the rest is found", () => {
    const { list, root, child } = three();
    const gone = [child(child(root, 0), 2), child(child(root, 0), 7), child(root, 1)].map(address);
    const memory: Memory = {
      read: (at, length) =>
        gone.includes(at) ? { address: at, reason: 'excluded', message: 'was left out' } : kernel.view.read(at, length),
    };
    const reported: string[] = [];
    const lost = ({ message }: DumpError) => reported.push(message);
    const found = [...mapleEntries(memory, kernel.types, root, 0n, TOP, lost)];
    expect(reported).toEqual(gone.map((at) => `maple node at 0x${at.toString(16)}: was left out`));
    expect(found).toEqual(list.filter((_, i) => i < 160 && Math.floor(i / 16) !== 2 && Math.floor(i / 16) !== 7));
    expect(walk(root, 0n, TOP, memory)).toMatchObject({ found: list.slice(0, 32), problem: reported[0] });
  });
});
