// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Btf } from '../../../src/types/btf.js';
import { GraphTypes, type TypeGraph } from '../../../src/types/graph.js';
import { BtfWriter } from '../../build/btf.js';
import { bytesOf, damage, orError } from '../../build/damage.js';
import { Layouts } from '../../build/layout.js';

/** Texts of structures: each of numbers, arrays, unnamed structures and unions, and earlier structures. */
const layoutText = fc
  .array(
    fc.array(
      fc.record({
        type: fc.constantFrom('u8', 'u16', 'u32', 'u64', 'ptr', 'int', 'short', 'earlier'),
        count: fc.option(fc.nat(9), { nil: null }),
        inside: fc.constantFrom('', '', 'union', 'struct'),
      }),
      { minLength: 1, maxLength: 8 },
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((structs) =>
    structs
      .map((list, s) => {
        const lines = list.map(({ type, count, inside }, i) => {
          const base = type !== 'earlier' ? type : s === 0 ? 'ptr' : `struct s${s - 1}`;
          const line = `${base} m${i}${count === null ? '' : `[${count}]`}`;
          return inside === '' ? line : `${inside} {\n${line}\nu16 beside${i}\n}`;
        });
        return `s${s} {\n${lines.join('\n')}\n}`;
      })
      .join('\n'),
  );

describe('BTF', () => {
  const shape = (types: GraphTypes<number>, struct: string, path: string) => {
    const member = types.member(struct, path);
    return member === null ? null : [member.offset, member.size, member.count];
  };
  /** All named members of a structure, including those of unnamed members. */
  const names = (text: string) => [...text.matchAll(/\b((?:m|beside)\d+)/g)].map(([, name = '']) => name);

  test('members are at the offsets of the layout', () => {
    fc.assert(
      fc.property(layoutText, fc.constantFrom(24 as const, 32 as const), (text, headerLength) => {
        const layouts = new Layouts(text);
        const types = new GraphTypes(new Btf('test', bytesOf(new BtfWriter(layouts, { headerLength }).bytes())));
        for (const [i, part] of text
          .split(/^s\d+ \{/m)
          .slice(1)
          .entries()) {
          expect(types.sizeOf(`s${i}`)).toBe(layouts.size(`s${i}`));
          for (const name of names(part)) {
            const { offset, type } = layouts.at(`s${i}`, name);
            const count = type.kind === 'array' ? type.count : 1;
            expect([name, shape(types, `s${i}`, name)]).toEqual([name, [offset, layouts.size(type), count]]);
          }
        }
      }),
    );
  });

  test('structures that each contain the next one twice: an error, without walking all of them', () => {
    const depth = 31;
    const graph: TypeGraph<number> = {
      source: 'test',
      structure: (name) => (name === 'outer' ? 0 : null),
      node: () => ({ kind: 'struct', bytes: 8 }),
      *members(at) {
        if (at === depth) return;
        for (let twice = 0; twice < 2; twice++) yield { name: '', type: at + 1, bitOffset: 0, bitSize: 0 };
      },
      enumerators: () => null,
      key: (at) => at,
    };
    expect(() => new GraphTypes(graph).member('outer', 'any')).toThrow('test: a structure has too many members');
  });

  const answerOf = (ask: () => unknown): unknown => {
    try {
      return ask();
    } catch (error) {
      return (error as Error).message;
    }
  };
  const answers = (types: GraphTypes<number>): unknown[] =>
    Array.from({ length: 8 }, (_, i) => [
      answerOf(() => types.sizeOf(`s${i}`)),
      ...['m0', 'm1', 'm1.m0', 'beside2'].map((name) => answerOf(() => types.member(`s${i}`, name))),
    ]);

  test('damaged: gives a result or an error, the same when it is asked again, and terminates', () => {
    fc.assert(
      fc.property(layoutText, damage, fc.boolean(), (text, change, isHeader) => {
        const whole = new BtfWriter(new Layouts(text)).bytes();
        const bytes = change(whole, isHeader ? 24 : whole.length);
        const types = orError(() => new GraphTypes(new Btf('test', bytesOf(bytes))));
        if (types !== null) expect(answers(types)).toEqual(answers(types));
      }),
      { numRuns: 500 },
    );
  });
});
