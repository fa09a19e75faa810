// SPDX-License-Identifier: Apache-2.0
// The BTF of a module: how it is found, and how it leads to structures far from the start of the kernel's.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LazyBytes } from '../../../src/core/lazy-bytes.js';
import { vmlinuxIndex } from '../../../src/opening/btf-index.js';
import { recognisedBtf } from '../../../src/opening/btf-modules.js';
import { Symbols } from '../../../src/symbols/cache.js';
import { Btf } from '../../../src/types/btf.js';
import { GraphTypes } from '../../../src/types/graph.js';
import { BtfWriter, nested } from '../../build/btf.js';
import { IndexedBtf } from '../../build/btf-index.js';
import { bytesOf, damage, orError } from '../../build/damage.js';
import { FlatMemory } from '../../build/flat-memory.js';
import { Layouts } from '../../build/layout.js';

describe('structures that functions of a module take', () => {
  const [KVM, SLOTS] = ['kvm', 'kvm_memslots'];
  const fillers = Array.from({ length: 20_000 }, (_, i) => `filler${i} {\nptr m${i}\nu64 other\n}`);
  const text = [...fillers, nested([KVM, SLOTS])].join('\n');
  const all = new Layouts(text);
  const kernel = new IndexedBtf(all, { sorted: false, pointersTo: [KVM, SLOTS] });
  const { start, length, types, writer } = kernel;
  const pointers = [KVM, SLOTS].map((name) => writer.pointers.get(name) as number);
  const module = new BtfWriter(new Layouts('own {\nu32 first\n}'), {
    base: writer.end,
    takenTypes: [...pointers, pointers[0] as number],
  });

  /** Types of the kernel and of the module, and how many pages of the kernel's BTF were read. */
  function opened(memory = kernel.memory): { types: GraphTypes<number>; pages: () => number } {
    const read = new Set<bigint>();
    const counted = {
      read: (address: bigint, bytes: number) => {
        if (address >= start && address < start + BigInt(length)) read.add(address / 4096n);
        return memory.read(address, bytes);
      },
    };
    const late = () => vmlinuxIndex({ memory: counted, symbols: kernel.symbols }, start, types, true);
    const base = new Btf('test', LazyBytes.of(counted, start, length, 'test'), null, { late });
    const { types: firstId, strings: firstString } = writer.end;
    const split = new Btf('module', bytesOf(module.bytes()), base, { firstId, firstString, module: KVM });
    return { types: new GraphTypes(split), pages: () => read.size };
  }

  test('are found without walking to them, with the types of their members', () => {
    const { types: found, pages } = opened();
    for (const name of [KVM, SLOTS]) expect(found.sizeOf(name)).toBe(all.size(name));
    expect(found.member(SLOTS, 'inner.last')).toMatchObject({
      offset: all.at(SLOTS, 'inner').offset + all.at(KVM, 'last').offset,
    });
    const some = pages();
    // This one is walked to.
    expect(found.sizeOf('filler19999')).toBe(all.size('filler19999'));
    expect(some).toBeLessThan(pages() * 0.9);
  });

  test.each([false, true])('a type that has lost a member shifts no answer: all types walked first: %s', (isWalked) => {
    // The member becomes a type of its own, so that all that follow are walked with wrong IDs.
    const at = Number(types - start) + (writer.places.starts[100] as number);
    const place = kernel.memory.offsetOf(start) + at + 4;
    const info = kernel.memory.bytes[place] as number;
    kernel.memory.bytes[place] = info - 1;
    const { types: found } = opened();
    const size = (name: string): number | null => orError(() => found.sizeOf(name));
    if (isWalked) size('absent');
    const answers = [KVM, 'absent', KVM, SLOTS].map((name) => [name, size(name)] as const);
    kernel.memory.bytes[place] = info;
    for (const [name, answer] of answers)
      expect([null, all.structs.has(name) ? all.size(name) : null]).toContain(answer);
  });

  const less = (info: number): number => info - 1;
  const more = (info: number): number => info + 1;
  const ofOtherKind = (info: number): number => info ^ 0x04000000;
  /** An integer, which has 4 bytes more than most types. */
  const longer = (): number => 0x01000000;
  /** Damage: places of types, and what their info becomes. */
  const SHIFTS: readonly [string, readonly (readonly [number, (info: number) => number])[]][] = [
    ['a member less', [[100, less]]],
    ['a member more', [[100, more]]],
    ['the first type is of another kind', [[0, ofOtherKind]]],
    [
      'the last type is longer, and one before it has a member less',
      [
        [100, less],
        [-1, longer],
      ],
    ],
  ];
  /** Where struct btf has the number of types. */
  const COUNT = 80;

  test.each(SHIFTS)('damage that shifts what is walked is noticed by the index: %s', (_, changes) => {
    const { bytes } = kernel.memory;
    const count = kernel.memory.offsetOf(kernel.struct) + COUNT;
    const late = () => vmlinuxIndex(kernel, start, types, true);
    const last = (): number | null =>
      new GraphTypes(new Btf('test', LazyBytes.of(kernel.memory, start, length, 'test'), null, { late })).member(
        SLOTS,
        'inner.last',
      )?.offset ?? null;
    const before = Buffer.from(bytes);
    // Up to 5.10 the number is without type 0.
    for (const counted of [kernel.count, kernel.count - 1]) {
      bytes.writeUInt32LE(counted, count);
      const whole = last();
      for (const [index, change] of changes) {
        const place = kernel.memory.offsetOf(types) + (writer.places.starts.at(index) as number) + 4;
        bytes.writeUInt32LE(change(bytes.readUInt32LE(place)) >>> 0, place);
      }
      let found: unknown;
      try {
        found = last();
      } catch (error) {
        found = (error as Error).message;
      }
      before.copy(bytes);
      expect(whole).toBe(all.at(SLOTS, 'inner').offset + all.at(KVM, 'last').offset);
      expect(found).toBe("test: the types are not those of the kernel's index: damaged");
    }
  });

  test('answers are the same if the kernel has damaged its index', () => {
    const at = kernel.memory.offsetOf(kernel.array);
    const before = Uint8Array.from(kernel.memory.bytes.subarray(at, at + kernel.count * 8));
    fc.assert(
      fc.property(damage, fc.boolean(), (change, isMissing) => {
        kernel.memory.bytes.set(change(before), at);
        if (isMissing) kernel.memory.missing.add(kernel.memory.offsetOf(kernel.struct) / 4096);
        const { types: found } = opened();
        for (const name of [KVM, SLOTS]) expect(found.sizeOf(name)).toBe(all.size(name));
        kernel.memory.bytes.set(before, at);
        kernel.memory.missing.clear();
      }),
      { numRuns: 20 },
    );
  });
});

describe('struct btf of a module', () => {
  const MODULE = new Layouts(
    'list_head {\nptr next\nptr prev\n}\nmodule {\nu32 state\nstruct list_head list\nu8 name[56]\n}',
  );
  const NAME_AT = MODULE.at('module', 'name').offset;

  /** A kernel with one module; `change` is made to the bytes of its struct btf, in which the name is at 216. */
  function found(change: (btf: Buffer) => unknown = () => undefined, name = 'kvm') {
    const memory = new FlatMemory(16 * 4096);
    const put = (bytes: Uint8Array): bigint => {
      const address = memory.allocate(bytes.length);
      memory.bytes.set(bytes, memory.offsetOf(address));
      return address;
    };
    const words = (...values: bigint[]): Buffer => Buffer.from(new BigUint64Array(values).buffer);
    const start = put(Buffer.alloc(64));
    const vmlinux = put(words(start));
    const owner = put(Buffer.concat([Buffer.alloc(NAME_AT), Buffer.from('kvm'.padEnd(56, '\0'))]));
    const header = Buffer.from('9feb01001800000000000000640000006400000032000000', 'hex');
    const data = put(header);
    const btf = Buffer.alloc(320);
    btf.writeBigUInt64LE(data, 0);
    btf.set(header, 48);
    btf.writeBigUInt64LE(vmlinux, 200);
    btf.writeUInt32LE(1234, 208);
    btf.writeUInt32LE(5678, 212);
    btf.write('kvm', 216);
    change(btf);
    const head = memory.allocate(16);
    const entry = put(words(head, head, owner, put(btf)));
    memory.bytes.set(words(entry, entry), memory.offsetOf(head));
    const symbols = new Symbols({
      source: 'test',
      find: (symbol) => (symbol === 'btf_modules' ? head : null),
      next: () => null,
    });
    const types = new GraphTypes(new Btf('test', bytesOf(new BtfWriter(MODULE).bytes())));
    return recognisedBtf({ memory, symbols }, types, name, { start, strings: 5678 });
  }

  test('is recognised by what it holds, wherever that is', () => {
    const expected = { size: null, firstId: 1234, firstString: 5678 };
    expect(found()).toMatchObject(expected);
    expect(found((btf) => btf.copyWithin(80, 200, 256).fill(0, 200))).toMatchObject(expected);
  });

  test.each<[string, (btf: Buffer) => unknown]>([
    ['without the name', (btf) => btf.write('kvn', 216)],
    ['whose base is not that of vmlinux', (btf) => btf.writeBigUInt64LE(btf.readBigUInt64LE(200) + 8n, 200)],
    ['without a copy of the header', (btf) => btf.fill(0, 48, 72)],
    ['whose strings do not continue those of vmlinux', (btf) => btf.writeUInt32LE(5679, 212)],
    ['whose base is not in the dump', (btf) => btf.writeBigUInt64LE(0xffff8ff000000000n, 200)],
  ])('is not recognised: one %s', (_, change) => {
    expect(found(change)).toBeNull();
  });

  test('is not recognised: one of another module', () => {
    expect(found(undefined, 'kvm_amd')).toBeNull();
  });
});
