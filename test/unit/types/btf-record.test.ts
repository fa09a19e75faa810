// SPDX-License-Identifier: Apache-2.0
// What dumps of the same build teach each other: it only makes answers faster. Whatever one says, those of another are its own.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Readable } from '../../../src/core/lazy-bytes.js';
import { Btf } from '../../../src/types/btf.js';
import { BtfRecord } from '../../../src/types/btf-record.js';
import { GraphTypes } from '../../../src/types/graph.js';
import { BtfWriter, nested } from '../../build/btf.js';
import { bytesOf, damage, orError } from '../../build/damage.js';
import { Layouts } from '../../build/layout.js';

const NAMES = ['a', 'ab', 'kvm', 'kvm_memslots', 'list_head', 'page', 'zz'];
const layouts = fc.shuffledSubarray(NAMES, { minLength: 1 }).map((order) => new Layouts(nested(order)));

/** Types of a dump that learns from a record. */
const opened = (bytes: Uint8Array, record: BtfRecord, dump: string): GraphTypes<number> =>
  new GraphTypes(new Btf('test', bytesOf(bytes), null, { known: { record, dump } }));

/** What is asked of a dump; an error if the BTF can't be read. */
const answers = (types: GraphTypes<number>): readonly unknown[] =>
  [...NAMES, 'absent'].flatMap((name) => [
    orError(() => types.sizeOf(name)),
    ...['first', 'inner', 'half', 'last', 'inner.last', 'none'].map((path) => orError(() => types.member(name, path))),
    orError(() => types.enumerators(name === 'absent' ? 'zone' : name)),
  ]);
const alone = (bytes: Uint8Array): readonly unknown[] => answers(new GraphTypes(new Btf('test', bytesOf(bytes))));

/** Bytes that count how often a part of them is read at once, as for a walk. */
function counted(bytes: Uint8Array): { data: Readable; windows: () => number } {
  let windows = 0;
  const wrap = (data: Readable): Readable =>
    new Proxy(data, {
      get(target, key) {
        if (key === 'window') windows++;
        const value: unknown = Reflect.get(target, key, target);
        if (key === 'slice') return (offset: number, length: number) => wrap(target.slice(offset, length));
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  return { data: wrap(bytesOf(bytes)), windows: () => windows };
}

describe('a record of the BTF of a build', () => {
  test('the third dump has the same answers without a walk, also for what is not there', () => {
    fc.assert(
      fc.property(layouts, (each) => {
        const bytes = new BtfWriter(each).bytes();
        const record = new BtfRecord();
        const right = alone(bytes);
        for (const dump of ['1', '2']) expect(answers(opened(bytes, record, dump))).toEqual(right);
        const { data, windows } = counted(bytes);
        const types = new GraphTypes(new Btf('test', data, null, { known: { record, dump: '3' } }));
        expect([answers(types), windows()]).toEqual([right, 0]);
      }),
    );
  });

  test('the same dump is believed at once, another one is not', () => {
    const bytes = new BtfWriter(new Layouts(nested(NAMES))).bytes();
    const walks = (record: BtfRecord, dump: string): number => {
      const { data, windows } = counted(bytes);
      answers(new GraphTypes(new Btf('test', data, null, { known: { record, dump } })));
      return windows();
    };
    const record = new BtfRecord();
    expect(['1', '1', '2', '3'].map((dump) => walks(record, dump) > 0)).toEqual([true, false, true, false]);
  });

  test('what a damaged dump says has no effect on others', () => {
    fc.assert(
      fc.property(layouts, damage, (each, change) => {
        const bytes = new BtfWriter(each).bytes();
        const record = new BtfRecord();
        const damaged = change(bytes);
        for (const dump of ['damaged', 'damaged']) orError(() => answers(opened(damaged, record, dump)));
        for (const dump of ['1', '2', '3']) expect(answers(opened(bytes, record, dump))).toEqual(alone(bytes));
      }),
      { numRuns: 1000 },
    );
  });

  test('a type that is not where the record says is found by a walk', () => {
    fc.assert(
      fc.property(layouts, layouts, (each, other) => {
        const record = new BtfRecord();
        const [one, another] = [each, other].map((layout) => new BtfWriter(layout).bytes()) as [Uint8Array, Uint8Array];
        for (const dump of ['1', '2']) answers(opened(one, record, dump));
        const types = opened(another, record, '3');
        // A name that is recorded as absent is believed to be so.
        for (const name of other.structs.keys())
          if (each.structs.has(name)) expect(types.sizeOf(name)).toBe(other.size(name));
      }),
    );
  });
});
