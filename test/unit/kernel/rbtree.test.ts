// SPDX-License-Identifier: Apache-2.0
// Red-black trees: all nodes in order, nodes from a bound, look-ups, and damage.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { DumpError } from '../../../src/core/errors.js';
import type { Memory } from '../../../src/core/memory.js';
import { descend, type RbWalk, rbNodes } from '../../../src/kernel/containers/rbtree.js';
import { rbNodeFields } from '../../../src/kernel/structs.js';
import { resolve } from '../../../src/types/fields.js';
import { ContainerMemory, Counted, NOWHERE } from '../../build/containers.js';
import { LISTS } from '../../build/small-kernel.js';

const KEY = 24n;
const BLACK = 1n;

const kernel = new ContainerMemory(LISTS);
const at = resolve(kernel.types, { node: rbNodeFields }).node;
const keyOf = (memory: Memory, node: bigint): number => {
  const bytes = memory.read(node + KEY, 8);
  if ('reason' in bytes) throw new Error(bytes.message);
  return Number(bytes.u64(0));
};

/** Writes a tree with ascending keys; `split` chooses the root of each subtree. Returns its nodes, and the root's address. */
function treeOf(keys: readonly number[], split: (count: number) => number = (count) => count >> 1) {
  const nodes = keys.map(() => kernel.allocate(32, 32n));
  const build = (from: number, to: number, parent: bigint): bigint => {
    if (from >= to) return 0n;
    const middle = from + split(to - from);
    const node = nodes[middle] as bigint;
    kernel.u64(node + KEY, BigInt(keys[middle] as number));
    const [left, right] = [build(from, middle, node), build(middle + 1, to, node)];
    kernel.set('rb_node', node, { __rb_parent_color: parent | BLACK, rb_left: left, rb_right: right });
    return node;
  };
  return { root: build(0, keys.length, 0n), nodes };
}

const WALK: RbWalk = { what: 'tree of things', member: 'thing', most: 1000 };

function walk(root: bigint, options: Partial<RbWalk> = {}) {
  const found: bigint[] = [];
  try {
    for (const node of rbNodes(kernel.view, at, root, { ...WALK, ...options })) found.push(node);
  } catch (error) {
    return { found, problem: (error as Error).message };
  }
  return { found, problem: null };
}

const keys = fc.uniqueArray(fc.nat(500), { maxLength: 60 }).map((list) => list.sort((a, b) => a - b));

describe('iteration', () => {
  test('is in order, from any bound, and finds what look-ups find', () => {
    fc.assert(
      fc.property(
        keys,
        fc.nat(501),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        (list, bound, where) => {
          const shape = (count: number) => Math.floor(count / 4 + ((where.next().value as number) * (count - 1)) / 2);
          const { root, nodes } = treeOf(list, (count) => Math.min(count - 1, shape(count)));
          expect(walk(root)).toEqual({ found: nodes, problem: null });
          const isBefore = (node: bigint) => keyOf(kernel.view, node) < bound;
          expect(walk(root, { isBefore }).found).toEqual(nodes.filter((node) => !isBefore(node)));
          for (const node of nodes) {
            const key = keyOf(kernel.view, node);
            const found = descend(kernel.view, at, root, (other) => {
              const here = keyOf(kernel.view, other);
              return key < here ? 'left' : key > here ? 'right' : 'here';
            });
            expect(found).toBe(node);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test('from a bound reads the path to it and the requested nodes, not the tree', () => {
    const { root, nodes } = treeOf(Array.from({ length: 4096 }, (_, i) => i));
    const view = new Counted(kernel.view);
    let asked = 0;
    const isBefore = (node: bigint) => {
      asked++;
      return keyOf(kernel.view, node) < 3000;
    };
    const some = rbNodes(view, at, root, { ...WALK, most: 4096, isBefore });
    expect([some.next().value, some.next().value, some.next().value]).toEqual(nodes.slice(3000, 3003));
    expect(view.reads.length).toBeLessThan(20);
    expect([...some]).toHaveLength(1093);
    expect(asked).toBeLessThanOrEqual(13);
  });
});

describe('damage', () => {
  /** A tree of 15 nodes in four levels; the nodes of each level. */
  function fifteen() {
    const { root, nodes } = treeOf(Array.from({ length: 15 }, (_, i) => i));
    const node = (i: number) => nodes[i] as bigint;
    return { root, nodes, node };
  }

  const twice = /^tree of things: the node at 0x\w+ occurs twice/;
  const stranger = /tree of things: a node below 0x\w+ names 0x\w+ as its parent/;
  const absent =
    /^node of the tree of things at 0xffff888ffff00000: not mapped: its P\w\w entry does not lead to a page/;
  test.each([
    ['an ancestor as a child', { on: 3, rb_left: 7 }, 0, twice],
    ['itself as a child', { on: 4, rb_right: 4 }, 5, stranger],
    ['a node of another subtree', { on: 4, rb_right: 11 }, 5, stranger],
    ['the same child twice', { on: 11, rb_right: 9 }, 8, twice],
    ['a child that is not in the dump', { on: 11, rb_left: null }, 8, absent],
  ] as const)('%s: the nodes before it are found', (_name, { on, ...child }, count, problem) => {
    const { root, node, nodes } = fifteen();
    const [side, of] = Object.entries(child)[0] as [string, number | null];
    kernel.set('rb_node', node(on), { [side]: of === null ? NOWHERE : node(of) });
    expect(walk(root)).toEqual({ found: nodes.slice(0, count), problem: expect.stringMatching(problem) });
  });

  test('another parent', () => {
    const { root, node } = fifteen();
    kernel.set('rb_node', node(11), { __rb_parent_color: node(12) });
    expect(walk(root)).toEqual({
      found: [0, 1, 2, 3, 4, 5, 6, 7].map(node),
      problem: expect.stringMatching(
        /^kernel memory at 0x\w+: tree of things: a node below 0x\w+ names 0x\w+ as its parent/,
      ),
    });
  });

  test('a root that has a parent', () => {
    const { node } = fifteen();
    expect(walk(node(3))).toMatchObject({ found: [], problem: expect.stringMatching(/a node below 0x0 names/) });
  });

  test('more nodes than possible', () => {
    const { root, nodes } = fifteen();
    expect(walk(root, { most: 15 }).problem).toBeNull();
    expect(walk(root, { most: 14 })).toEqual({
      found: nodes.slice(0, 14),
      problem: 'tree of things: more than 14 things',
    });
  });

  test.each(['left', 'right'])('a tree that descends to the %s without end', (side) => {
    const { root } = treeOf(
      Array.from({ length: 100 }, (_, i) => i),
      (count) => (side === 'left' ? count - 1 : 0),
    );
    expect(walk(root).problem).toMatch(/tree of things: deeper than 64/);
    // If all nodes are before the bound, the search descends only to the right.
    expect(walk(root, { isBefore: () => true }).problem ?? 'the end').toMatch(
      side === 'left' ? /^the end$/ : /deeper than 64/,
    );
  });
});

describe("nodes that can't be read", () => {
  test('are reported, and all nodes that are not below them are found', () => {
    fc.assert(
      fc.property(keys, fc.array(fc.nat(60), { maxLength: 4 }), (list, some) => {
        const { root, nodes } = treeOf(list);
        const ranges = new Map<bigint, readonly [number, number]>();
        const cut = (from: number, to: number): void => {
          if (from >= to) return;
          const middle = from + ((to - from) >> 1);
          ranges.set(nodes[middle] as bigint, [from, to]);
          cut(from, middle);
          cut(middle + 1, to);
        };
        cut(0, nodes.length);
        const gone = new Set(some.map((i) => nodes[i % nodes.length]).filter((node) => node !== undefined));
        const hidden = new Set([...gone].flatMap((node) => nodes.slice(...(ranges.get(node) as [number, number]))));
        const memory: Memory = {
          read: (address, length) =>
            gone.has(address)
              ? { address, reason: 'excluded', message: 'was left out' }
              : kernel.view.read(address, length),
        };
        const reported: string[] = [];
        const lost = ({ message }: DumpError) => reported.push(message);
        expect([...rbNodes(memory, at, root, { ...WALK, lost })]).toEqual(nodes.filter((node) => !hidden.has(node)));
        const tops = [...gone].filter((node) =>
          [...gone].every(
            (other) => other === node || !nodes.slice(...(ranges.get(other) as [number, number])).includes(node),
          ),
        );
        expect(reported.sort()).toEqual(
          tops.map((node) => `node of the tree of things at 0x${node.toString(16)}: was left out`).sort(),
        );
      }),
      { numRuns: 100 },
    );
  });

  test('do not excuse damage', () => {
    const { root, nodes } = treeOf(Array.from({ length: 7 }, (_, i) => i));
    kernel.set('rb_node', nodes[3] as bigint, { rb_left: NOWHERE });
    kernel.set('rb_node', nodes[5] as bigint, { __rb_parent_color: 0n });
    const reported: DumpError[] = [];
    const { found, problem } = walk(root, { lost: (why) => reported.push(why) });
    expect(reported).toHaveLength(1);
    expect(found).toEqual([nodes[3]]);
    expect(problem).toMatch(/names 0x0 as its parent/);
  });
});
