// SPDX-License-Identifier: Apache-2.0
// XArrays and the radix trees that preceded them: entries of a range in order, look-ups, and damage.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Memory } from '../../../src/core/memory.js';
import { xaNodes, xarrayEntries, xarrayEntry } from '../../../src/kernel/containers/xarray.js';
import { Counted, LayoutTypes, NOWHERE } from '../../build/containers.js';
import { LISTS, XARRAYS } from '../../build/small-kernel.js';
import { ArrayBuilder, FORMS, type FormName, type Stored } from '../../build/xarray.js';

const TOP = (1n << 64n) - 1n;
const NAMES = Object.keys(FORMS) as FormName[];

/** The reader for an array of a form. */
function viewOf(builder: ArrayBuilder) {
  const at = xaNodes(builder.kernel.types);
  const { view } = builder.kernel;
  return {
    lookUp: (head: bigint, index: bigint, memory: Memory = view) => xarrayEntry(memory, at, head, index),
    walk: (head: bigint, from = 0n, to = TOP, memory: Memory = view) => {
      const found: unknown[] = [];
      try {
        for (const { index, last, order, entry } of xarrayEntries(memory, at, head, from, to)) {
          found.push({ index, order, entry });
          if (order !== null) expect(last).toBe(index + 2n ** BigInt(order) - 1n);
        }
      } catch (error) {
        return { found, problem: (error as Error).message };
      }
      return { found, problem: null };
    },
  };
}

/** Entries that do not overlap, aligned to their order: near the start, around the edges of nodes, and anywhere. */
const entriesOf = (builder: ArrayBuilder) =>
  fc
    .array(
      fc.tuple(
        fc.oneof(fc.bigInt(0n, 200n), fc.constantFrom(63n, 64n, 4095n, 4096n, 2n ** 18n - 1n, TOP), fc.bigInt(0n, TOP)),
        fc.constantFrom(...builder.form.orders),
        fc.boolean(),
      ),
      { maxLength: 20 },
    )
    .map((wishes) => {
      const list: Stored[] = [];
      wishes.forEach(([near, order, isValue], i) => {
        const width = 2n ** BigInt(order);
        const index = near - (near % width);
        if (list.some((other) => index < other.index + 2n ** BigInt(other.order) && other.index < index + width))
          return;
        list.push({
          index,
          order,
          entry: isValue ? builder.form.value(BigInt(i)) : 0xffff888000001000n + BigInt(i) * 8n,
        });
      });
      return list.sort((a, b) => (a.index < b.index ? -1 : 1));
    });

describe.each(NAMES)('as in %s', (name) => {
  const builder = new ArrayBuilder(name);
  const { lookUp, walk } = viewOf(builder);
  const entries = entriesOf(builder);

  test('iteration gives each entry once, in order, as look-ups do', () => {
    fc.assert(
      fc.property(entries, fc.boolean(), (list, isIdr) => {
        const head = builder.head(list, isIdr);
        expect(walk(head)).toEqual({ found: list, problem: null });
        for (const { index, order, entry } of list) {
          const last = index + 2n ** BigInt(order) - 1n;
          expect([index, last].map((at) => lookUp(head, at))).toEqual([entry, entry]);
          const [before, after] = [index - 1n, last + 1n];
          const there = (at: bigint) =>
            list.find((other) => other.index <= at && at < other.index + 2n ** BigInt(other.order));
          if (before >= 0n) expect(lookUp(head, before)).toBe(there(before)?.entry ?? 0n);
          if (after <= TOP) expect(lookUp(head, after)).toBe(there(after)?.entry ?? 0n);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('iteration over a range gives the entries that overlap it', () => {
    fc.assert(
      fc.property(
        entries,
        fc.array(fc.tuple(fc.nat(200), fc.nat(200)), { minLength: 5, maxLength: 5 }),
        (list, ranges) => {
          const head = builder.head(list);
          const edges = [0n, ...list.flatMap(({ index, order }) => [index, index + 2n ** BigInt(order) - 1n]), TOP];
          for (const [a, b] of ranges) {
            const [from, to] = [edges[a % edges.length], edges[b % edges.length]] as [bigint, bigint];
            const wanted = list.filter(
              ({ index, order }) => index <= to && index + 2n ** BigInt(order) > from && from <= to,
            );
            expect(walk(head, from, to)).toEqual({ found: wanted, problem: null });
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  /** 200 entries from index 0: a root with four nodes. */
  function four() {
    const list = Array.from({ length: 200 }, (_, i) => ({ index: BigInt(i), order: 0, entry: BigInt(i + 1) * 4096n }));
    const head = builder.head(list);
    const root = head & ~3n;
    return { list, head, root, second: builder.child(root, 1) };
  }

  test.each([
    [
      'a node that is not in the dump',
      ({ root }: ReturnType<typeof four>) => {
        builder.set(root, 1, NOWHERE | builder.form.tag);
      },
      /at 0xffff888ffff0\w+: not mapped: its P\w\w entry does not lead to a page/,
    ],
    [
      'a loop',
      ({ root }: ReturnType<typeof four>) => {
        builder.set(root, 1, root | builder.form.tag);
      },
      /^XArray node at 0x\w+: its shift can't be 6$/,
    ],
    [
      'a page of zeros',
      ({ second }: ReturnType<typeof four>) => {
        builder.kernel.write(second, new Uint8Array(builder.kernel.layouts.size(builder.form.struct)));
      },
      /^XArray node at 0x\w+: (its shift can't be -6|it is in slot 1 of 0x\w+, but names slot 0 of 0x0)$/,
    ],
    [
      'a node of another level',
      ({ second }: ReturnType<typeof four>) => {
        builder.kernel.set(builder.form.struct, second, builder.form.place(12, 1, 0n));
      },
      /^XArray node at 0x\w+: its shift can't be 12$/,
    ],
  ])('%s is damage: the entries before it are found', (_name, change, problem) => {
    const built = four();
    change(built);
    expect(walk(built.head)).toEqual({ found: built.list.slice(0, 64), problem: expect.stringMatching(problem) });
    expect(walk(built.head, 10n, 20n)).toEqual({ found: built.list.slice(10, 21), problem: null });
  });

  test('the entries of a damaged node can be lost: all others are found', () => {
    const { list, head, root } = four();
    const lost: unknown[] = [];
    const walked = (from: bigint, to: bigint) => {
      const found = [...xarrayEntries(builder.kernel.view, xaNodes(builder.kernel.types), head, from, to, note)];
      return found.map(({ index }) => Number(index));
    };
    const note = (first: bigint, last: bigint, why: Error) => lost.push([first, last, why.message.length > 0]);
    builder.set(root, 1, NOWHERE | builder.form.tag);
    expect(walked(0n, 199n)).toEqual(list.map((_, i) => i).filter((i) => i < 64 || i > 127));
    expect(walked(70n, 130n)).toEqual([128, 129, 130]);
    expect(lost).toEqual([
      [64n, 127n, true],
      [64n, 127n, true],
    ]);
    expect(walked(10n, 12n)).toEqual([10, 11, 12]);
    expect(lost).toHaveLength(2);
  });

  test('with a damaged root all entries are lost', () => {
    const lost: unknown[] = [];
    const head = NOWHERE | builder.form.rootTag;
    const entries = xarrayEntries(builder.kernel.view, xaNodes(builder.kernel.types), head, 5n, 9n, (...range) =>
      lost.push(range.slice(0, 2)),
    );
    expect([...entries]).toEqual([]);
    expect(lost).toEqual([[0n, TOP]]);
  });

  test('iteration over a range reads only the path to it and the range', () => {
    const { list, head } = four();
    const view = new Counted(builder.kernel.view);
    expect(walk(head, 70n, 72n, view).found).toEqual(list.slice(70, 73));
    const nodes = new Set(view.reads.map(([address]) => address / 1024n));
    expect(nodes.size).toBeLessThanOrEqual(4);
    expect(view.reads.length).toBeLessThanOrEqual(8);
  });

  const known = ['parent', 'offset'].filter((path) => builder.kernel.types.member(builder.form.struct, path) !== null);
  for (const member of known)
    test(`a node whose ${member} does not match its position is damage`, () => {
      const { list, head, second } = four();
      builder.kernel.set(builder.form.struct, second, { [member]: 7n });
      expect(walk(head)).toEqual({
        found: list.slice(0, 64),
        problem: expect.stringMatching(
          /^XArray node at 0x\w+: it is in slot 1 of 0x\w+, but names slot [17] of 0x\w+$/,
        ),
      });
    });
});

test('a look-up reads a byte and a slot of each node on its path', () => {
  const builder = new ArrayBuilder('4.20');
  const head = builder.head([{ index: 5000n, order: 0, entry: 0xffff888000001000n }]);
  const view = new Counted(builder.kernel.view);
  expect(viewOf(builder).lookUp(head, 5000n, view)).toBe(0xffff888000001000n);
  expect(view.reads.map(([, length]) => length)).toEqual([1, 8, 1, 8, 1, 8]);
});

test('if the types lack the members for the parent and the slot, nodes are not checked', () => {
  const builder = new ArrayBuilder('4.20');
  const list = [1n, 100n, 5000n].map((index) => ({ index, order: 0, entry: 0xffff888000001000n + index * 8n }));
  const head = builder.head(list);
  builder.kernel.set('xa_node', head & ~3n, { parent: NOWHERE });
  const hidden = XARRAYS.replace('u8 offset', 'u8 hidden').replace('ptr parent', 'ptr elsewhere');
  const at = xaNodes(new LayoutTypes(LISTS + hidden));
  expect([...xarrayEntries(builder.kernel.view, at, head)]).toEqual(
    list.map((each) => ({ ...each, last: each.index })),
  );
});

describe('values that are not entries', () => {
  const builder = new ArrayBuilder('4.20');
  const { lookUp, walk } = viewOf(builder);
  test.each([
    ['retry', 0x402n],
    ['zero', 0x406n],
  ])('%s in a slot and alone', (_name, entry) => {
    expect(walk(entry)).toEqual({ found: [], problem: null });
    expect(lookUp(entry, 0n)).toBe(0n);
    const list = [
      { index: 3n, order: 0, entry: 0xffff888000001000n },
      { index: 7n, order: 0, entry },
    ];
    const head = builder.head(list);
    expect(walk(head)).toEqual({ found: list.slice(0, 1), problem: null });
    expect(lookUp(head, 7n)).toBe(0n);
  });
});

describe.each(['4.20', '4.14'] as const)('siblings of %s', (name) => {
  const builder = new ArrayBuilder(name);
  const { lookUp, walk } = viewOf(builder);
  const entry = 0xffff888000001000n;
  /** An entry of 8 indices from 16 on, and one after it; the node. */
  function eight() {
    const [long, short] = [
      { index: 16n, order: 3, entry },
      { index: 30n, order: 0, entry: entry + 64n },
    ];
    const head = builder.head([long, short]);
    return { head, node: head & ~3n, long, short };
  }

  test('if their number is not a power of 2, the order is unknown', () => {
    const { head, node, short } = eight();
    builder.set(node, 23, 0n);
    expect(walk(head).found).toEqual([{ index: 16n, order: null, entry }, short]);
    const [first] = xarrayEntries(builder.kernel.view, xaNodes(builder.kernel.types), head);
    expect(first?.last).toBe(22n);
    expect(walk(head, 22n, 22n).found).toEqual([{ index: 16n, order: null, entry }]);
    expect(walk(head, 23n, 29n).found).toEqual([]);
  });

  test('without their entry, which was removed, give nothing', () => {
    const { head, node, short } = eight();
    builder.set(node, 16, 0n);
    expect(walk(head)).toEqual({ found: [short], problem: null });
    expect(walk(head, 20n, 22n)).toEqual({ found: [], problem: null });
    expect(lookUp(head, 20n)).toBe(0n);
  });

  test('that do not follow their entry are damage', () => {
    const { head, node, long } = eight();
    builder.set(node, 20, 0n);
    const problem = expect.stringMatching(/^XArray node at 0x\w+: slot 21 does not follow slot 16, its sibling$/);
    expect(walk(head)).toEqual({ found: [{ ...long, order: 2 }], problem });
    expect(walk(head, 21n, 22n)).toEqual({ found: [], problem });
  });

  test('of a node (not of an entry) are damage', () => {
    const head = builder.head([
      { index: 5n, order: 0, entry },
      { index: 4000n, order: 0, entry: entry + 8n },
    ]);
    const node = head & ~3n;
    builder.set(node, 1, builder.sibling(node, 0));
    const problem = /^XArray node at 0x\w+: an invalid sibling of slot 0$/;
    expect(walk(head)).toEqual({ found: [{ index: 5n, order: 0, entry }], problem: expect.stringMatching(problem) });
    expect(walk(head, 64n, 64n)).toEqual({ found: [], problem: expect.stringMatching(problem) });
    expect(() => lookUp(head, 64n)).toThrow(problem);
  });
});

test('a sibling of a slot that does not exist is damage', () => {
  const types = LISTS + XARRAYS.replace('slots[64]', 'slots[16]');
  const builder = new ArrayBuilder('4.20');
  const node = builder.kernel.make('xa_node');
  builder.set(node, 3, (40n << 2n) | 2n);
  const at = xaNodes(new LayoutTypes(types));
  const problem = /^XArray node at 0x\w+: an invalid sibling of slot 40$/;
  expect(() => [...xarrayEntries(builder.kernel.view, at, node | 2n)]).toThrow(problem);
  expect(() => xarrayEntry(builder.kernel.view, at, node | 2n, 3n)).toThrow(problem);
});

test.each([61, 7, 66])('a top node with shift %p is damage', (shift) => {
  const builder = new ArrayBuilder('4.20');
  const { lookUp, walk } = viewOf(builder);
  const node = builder.kernel.make('xa_node', { shift });
  expect(walk(node | 2n).problem).toBe(`XArray node at 0x${node.toString(16)}: its shift can't be ${shift}`);
  expect(() => lookUp(node | 2n, 0n)).toThrow(/its shift can't be/);
});
