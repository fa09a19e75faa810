// SPDX-License-Identifier: Apache-2.0
// The kernel's own index of its BTF: it only makes answers faster. Whatever it says, they are those of the BTF.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LazyBytes } from '../../../src/core/lazy-bytes.js';
import { readOf } from '../../../src/core/memory.js';
import { statedStart, vmlinuxIndex } from '../../../src/opening/btf-index.js';
import { Btf } from '../../../src/types/btf.js';
import type { TypeHints } from '../../../src/types/btf-hints.js';
import { GraphTypes } from '../../../src/types/graph.js';
import { nested } from '../../build/btf.js';
import { IndexedBtf } from '../../build/btf-index.js';
import { bytesOf, damage } from '../../build/damage.js';
import { Layouts } from '../../build/layout.js';

/** The BTF of a kernel, with its index, and how many pages of it were read. */
function opened(
  kernel: IndexedBtf,
  hints: TypeHints | null = null,
): { types: GraphTypes<number>; isIndexed: boolean; pages: () => number } {
  const { memory, start, length } = kernel;
  const read = new Set<bigint>();
  const counted = {
    read: (address: bigint, bytes: number) => {
      if (address >= start && address < start + BigInt(length)) read.add(address / 4096n);
      return memory.read(address, bytes);
    },
  };
  const stated = vmlinuxIndex({ memory: counted, symbols: kernel.symbols }, start, kernel.types, hints !== null);
  const btf = new Btf('test', LazyBytes.of(counted, start, length, 'test'), null, { stated, hints });
  return { types: new GraphTypes(btf), isIndexed: stated.length > 0, pages: () => read.size };
}

/** Structures that contain each other, some of them with a short name or as the beginning of another name. */
const NAMES = ['a', 'ab', 'abc', 'abcd', 'abcde', 'kvm', 'kvm_memslots', 'kvm_memory_slot', 'list_head', 'zz'];
const layouts = fc.shuffledSubarray(NAMES, { minLength: 1 }).map((order) => new Layouts(nested(order)));

/** What is asked for, with the answers of the layouts. */
function check(types: GraphTypes<number>, expected: Layouts): void {
  for (const name of [...NAMES, 'abcdef', 'Z', '']) {
    const isThere = expected.structs.has(name);
    expect([name, types.sizeOf(name)]).toEqual([name, isThere ? expected.size(name) : null]);
    for (const member of isThere ? ['first', 'inner', 'half', 'last'] : []) {
      const { offset, type } = expected.at(name, member);
      expect(types.member(name, member)).toMatchObject({ offset, size: expected.size(type) });
    }
  }
  expect([...(types.enumerators('zone') ?? [])]).toEqual([
    ['LOW', 1],
    ['HIGH', 7],
  ]);
  expect(types.enumerators('kvm')).toBeNull();
}

describe('the index of BTF in the kernel', () => {
  test.each([24, 32] as const)('answers are those of the layouts: header of %i bytes', (headerLength) => {
    fc.assert(
      fc.property(layouts, (each) => {
        const { types, isIndexed } = opened(new IndexedBtf(each, { headerLength }));
        expect(isIndexed).toBe(true);
        check(types, each);
      }),
    );
  });

  test('few pages of a large BTF are read', () => {
    const many = Array.from({ length: 4000 }, (_, i) => `s${i} {\nptr m${i}\nu64 other\n}`).join('\n');
    const { types, pages } = opened(new IndexedBtf(new Layouts(many)));
    expect(types.member('s3999', 'other')).toMatchObject({ offset: 8, size: 8 });
    // It has 60 pages. A search looks at 13 names, the last of which are near each other.
    expect(pages()).toBeLessThan(25);
  });

  test('if it is damaged, answers are the same', () => {
    const part = fc.constantFrom('struct', 'array', 'both');
    fc.assert(
      fc.property(layouts, part, damage, (each, what, change) => {
        const kernel = new IndexedBtf(each);
        const { memory } = kernel;
        const places = [
          ...(what === 'array' ? [] : [{ at: memory.offsetOf(kernel.struct), length: 96 }]),
          ...(what === 'struct' ? [] : [{ at: memory.offsetOf(kernel.array), length: kernel.count * 8 }]),
        ];
        for (const { at, length } of places) memory.bytes.set(change(memory.bytes.subarray(at, at + length)), at);
        check(opened(kernel).types, each);
      }),
      { numRuns: 500 },
    );
  });

  test('if it leads to other types, answers are the same', () => {
    const copies = fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(layouts, copies, (each, list) => {
        const kernel = new IndexedBtf(each);
        const { bytes } = kernel.memory;
        const at = kernel.memory.offsetOf(kernel.array);
        for (const [to, from] of list) {
          const pointer = bytes.readBigUInt64LE(at + (from % kernel.count) * 8);
          bytes.writeBigUInt64LE(pointer, at + (to % kernel.count) * 8);
        }
        check(opened(kernel).types, each);
      }),
      { numRuns: 300 },
    );
  });

  test('if it is not in the dump, answers are the same', () => {
    const each = new Layouts(nested(NAMES));
    for (const missing of ['struct', 'array'] as const) {
      const kernel = new IndexedBtf(each);
      kernel.memory.missing.add(kernel.memory.offsetOf(kernel[missing]) / 4096);
      check(opened(kernel).types, each);
    }
  });

  test('if the types are not sorted, answers are the same', () => {
    fc.assert(
      fc.property(layouts, (each) => {
        check(opened(new IndexedBtf(each, { sorted: false })).types, each);
      }),
    );
  });
});

describe('the address of the BTF in the kernel', () => {
  /** A kernel whose struct btf a test may change. */
  const kernelWith = (address: bigint, change: (struct: Buffer, kernel: IndexedBtf) => unknown = () => undefined) => {
    const kernel = new IndexedBtf(new Layouts(nested(NAMES)), {}, address);
    const { bytes } = kernel.memory;
    const at = kernel.memory.offsetOf(kernel.struct);
    change(bytes.subarray(at, at + 96), kernel);
    return kernel;
  };
  const IMAGE = 0xffffffff82000000n;

  test('is that of its index, which has a copy of the header', () => {
    const kernel = kernelWith(IMAGE);
    expect(statedStart(kernel)).toBe(kernel.start);
  });

  test.each<[string, (struct: Buffer, kernel: IndexedBtf) => unknown]>([
    ['leads elsewhere', (struct, { start }) => struct.writeBigUInt64LE(start + 8n, 0)],
    ['leads out of the dump', (struct) => struct.writeBigUInt64LE(0xffffffffc0000000n, 0)],
    ['has another header', (struct) => struct.fill(0, 48, 72)],
  ])('is not known if the index %s', (_, change) => {
    expect(statedStart(kernelWith(IMAGE, change))).toBeNull();
  });

  test('is not known if it is not in the image of the kernel, as that of a module', () => {
    expect(statedStart(kernelWith(0xffffc90000000000n))).toBeNull();
  });
});

test('structures to which members lead in some kernels are found where they do not', () => {
  const filler = Array.from({ length: 3000 }, (_, i) => `s${i} {\nu64 m${i}\n}`).join('\n');
  const text = `task_struct {
    struct other files
    ptr fdt
  }
  other {
    u64 a
  }
  kvm_memory_slot {
    u64 hva_node[2]
  }
  ${filler}
  files_struct {
    u64 a
    u32 b
  }
  fdtable {
    u8 c[5]
  }
  interval_tree_node {
    ptr d[3]
  }`;
  const layout = new Layouts(text);
  const { memory, symbols, start, types, length } = new IndexedBtf(layout, { sorted: false });
  const late = () => vmlinuxIndex({ memory, symbols }, start, types, true);
  const found = new GraphTypes(new Btf('test', LazyBytes.of(memory, start, length, 'test'), null, { late }));
  for (const name of ['fdtable', 'interval_tree_node', 'files_struct'])
    expect([name, found.sizeOf(name)]).toEqual([name, layout.size(name)]);
});

test('types before a page that is missing are found', () => {
  const many = Array.from({ length: 3000 }, (_, i) => `s${i} {\nu64 m\n}`).join('\n');
  const kernel = new IndexedBtf(new Layouts(many), { sorted: false });
  const { memory, start, length, types, writer } = kernel;
  const found = new GraphTypes(new Btf('test', LazyBytes.of(memory, start, length, 'test')));
  const missing = 7;
  memory.missing.add(memory.offsetOf(start) / 4096 + missing);
  // The types without those that begin or end on the page, which are in the order of the text.
  const before = writer.places.starts.filter((at) => types + BigInt(at) + 24n <= start + BigInt(missing * 4096)).length;
  expect(before).toBeGreaterThan(900);
  expect(found.sizeOf(`s${before - 10}`)).toBe(8);
  expect(() => found.sizeOf('s2000')).toThrow(/page \d+ is left out/);
});

test('where a page of names is missing, each question is an error, also when it is asked again', () => {
  const many = Array.from({ length: 3000 }, (_, i) => `s${i} {\nu64 m\n}`).join('\n');
  const { memory, start, length } = new IndexedBtf(new Layouts(many), { sorted: false });
  const found = new GraphTypes(new Btf('test', LazyBytes.of(memory, start, length, 'test')));
  // Strings are after all types.
  memory.missing.add(memory.offsetOf(start) / 4096 + Math.floor(length / 4096) - 1);
  expect(found.sizeOf('s0')).toBe(8);
  for (const name of ['s2999', 's2998', 's2999', 'no_such', 's2500'])
    expect(() => found.sizeOf(name)).toThrow(/page \d+ is left out/);
  expect(found.sizeOf('s1')).toBe(8);
});

test('a type of an unknown kind: what is after it is an error, also when it is asked again', () => {
  const many = Array.from({ length: 30 }, (_, i) => `s${i} {\nu64 m\n}`).join('\n');
  const { memory, start, length, types, writer } = new IndexedBtf(new Layouts(many), { sorted: false });
  const bytes = readOf(memory, start, length, 'test');
  const copy = new Uint8Array(bytes.view.buffer.slice(bytes.view.byteOffset, bytes.view.byteOffset + length));
  const info = Number(types - start) + (writer.places.starts[12] as number) + 4;
  new DataView(copy.buffer).setUint32(info, 0x1f000000, true);
  const found = new GraphTypes(new Btf('test', bytesOf(copy)));
  for (const name of ['s20', 's1', 's20', 's1', 's1'])
    expect(() => found.member(name, 'm')).toThrow('BTF type of unknown kind 31');
});

describe('where names were in earlier runs', () => {
  class Hints implements TypeHints {
    readonly isEmpty = false;
    readonly ids = new Map<string, number>();
    learned = 0;
    id(_group: string, name: string): number | undefined {
      return this.ids.get(name);
    }
    learn(_group: string, name: string, id: number): void {
      this.ids.set(name, id);
      this.learned++;
    }
  }

  test('whatever they say, answers are those of the layouts', () => {
    const ids = fc.dictionary(fc.constantFrom(...NAMES, 'zone'), fc.integer({ min: -1, max: 80 }));
    fc.assert(
      fc.property(layouts, fc.boolean(), ids, (each, sorted, said) => {
        const hints = new Hints();
        for (const [name, id] of Object.entries(said)) hints.learn('', name, id);
        check(opened(new IndexedBtf(each, { sorted }), hints).types, each);
      }),
      { numRuns: 300 },
    );
  });

  test('with the index damaged as well', () => {
    fc.assert(
      fc.property(layouts, fc.boolean(), damage, (each, sorted, change) => {
        const hints = new Hints();
        check(opened(new IndexedBtf(each, { sorted }), hints).types, each);
        const kernel = new IndexedBtf(each, { sorted });
        const at = kernel.memory.offsetOf(kernel.array);
        kernel.memory.bytes.set(change(kernel.memory.bytes.subarray(at, at + kernel.count * 8)), at);
        check(opened(kernel, hints).types, each);
      }),
      { numRuns: 300 },
    );
  });

  test('types that are not sorted are not walked again', () => {
    const many = new Layouts(Array.from({ length: 4000 }, (_, i) => `s${i} {\nptr m${i}\nu64 other\n}`).join('\n'));
    const hints = new Hints();
    const first = opened(new IndexedBtf(many, { sorted: false }), hints);
    const second = opened(new IndexedBtf(many, { sorted: false }), hints);
    expect(first.types.sizeOf('s3999')).toBe(16);
    // What was only looked up where it was said to be is no finding of its own.
    hints.learned = 0;
    expect(second.types.sizeOf('s3999')).toBe(16);
    expect(hints.learned).toBe(0);
    for (const { types } of [first, second])
      expect(types.member('s3999', 'other')).toMatchObject({ offset: 8, size: 8 });
    expect(first.pages()).toBeGreaterThan(40);
    expect(second.pages()).toBeLessThan(10);
  });
});
