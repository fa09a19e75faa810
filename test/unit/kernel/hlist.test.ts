// SPDX-License-Identifier: Apache-2.0
// Chains of hash tables: their nodes in order, and damage.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hlistNodes } from '../../../src/kernel/containers/hlist.js';
import { ContainerMemory, Counted, NOWHERE } from '../../build/containers.js';

const PPREV = 8n;

/** A chain of `count` nodes, as hlist_add_tail makes it. */
function chainOf(kernel: ContainerMemory, length: number): { head: bigint; nodes: bigint[] } {
  const head = kernel.allocate(8);
  const nodes = Array.from({ length }, () => kernel.allocate(16, 16n));
  nodes.forEach((node, i) => {
    const from = nodes[i - 1] ?? head;
    kernel.u64(from, node);
    kernel.u64(node, 0n);
    kernel.u64(node + PPREV, from);
  });
  return { head, nodes };
}

/** The nodes that are found, and the error at the end. */
function walk(kernel: ContainerMemory, head: bigint, most = 100, checkBack = true) {
  const found: bigint[] = [];
  try {
    for (const node of hlistNodes(kernel.view, head, most, 'chain', { checkBack })) found.push(node);
  } catch (error) {
    return { found, problem: (error as Error).message };
  }
  return { found, problem: null };
}

test('nodes come in the order of the chain; an empty one has none', () => {
  const kernel = new ContainerMemory('');
  fc.assert(
    fc.property(fc.nat(40), fc.boolean(), (length, checkBack) => {
      const { head, nodes } = chainOf(kernel, length);
      expect(walk(kernel, head, length, checkBack)).toEqual({ found: nodes, problem: null });
    }),
    { numRuns: 50 },
  );
});

test("a node's link is read when the next one is requested, its pprev only on request", () => {
  const kernel = new ContainerMemory('');
  const { head, nodes } = chainOf(kernel, 3);
  const view = new Counted(kernel.view);
  const chain = hlistNodes(view, head, 3, 'chain');
  expect(chain.next().value).toBe(nodes[0]);
  expect(view.reads).toEqual([[head, 8]]);
  expect([...chain]).toEqual(nodes.slice(1));
  expect(view.reads.map(([address]) => address)).toEqual([head, ...nodes]);
});

describe('damage ends a chain after the nodes that were found', () => {
  test.each([
    [
      'a node that is not in the dump',
      1,
      () => NOWHERE,
      /chain at 0xffff888ffff0000[08]: not mapped: its P\w\w entry does not lead to a page/,
    ],
    [
      'a chain that returns to its first node',
      5,
      (nodes: bigint[]) => nodes[0],
      /a node at 0x\w+ that does not point back to 0x/,
    ],
    ['a node that is left out', 1, (nodes: bigint[]) => nodes[3], /a node at 0x\w+ that does not point back to 0x/],
  ] as const)('%s', (_name, last, next, problem) => {
    const kernel = new ContainerMemory('');
    const { head, nodes } = chainOf(kernel, 6);
    kernel.u64(nodes[last] as bigint, next(nodes) as bigint);
    const { found, problem: said } = walk(kernel, head);
    expect(found).toEqual(nodes.slice(0, last + 1));
    expect(said).toMatch(problem);
  });

  test('more nodes than possible', () => {
    const kernel = new ContainerMemory('');
    const { head, nodes } = chainOf(kernel, 6);
    expect(walk(kernel, head, 5)).toEqual({
      found: nodes.slice(0, 5),
      problem: `chain: the chain at 0x${head.toString(16)} has more than 5 nodes; the dump is damaged there`,
    });
  });

  test('a loop is detected within twice its length and the distance to it, without pprev', () => {
    const kernel = new ContainerMemory('');
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.nat(29), (length, back) => {
        const { head, nodes } = chainOf(kernel, length);
        kernel.u64(nodes.at(-1) as bigint, nodes[back % length] as bigint);
        const { found, problem } = walk(kernel, head, 1000, false);
        expect(problem).toMatch(/has a loop at 0x/);
        expect(found.slice(0, length)).toEqual(nodes);
        expect(found.length).toBeLessThanOrEqual(3 * length);
      }),
      { numRuns: 50 },
    );
  });
});
