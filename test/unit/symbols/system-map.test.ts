// SPDX-License-Identifier: Apache-2.0
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SystemMap } from '../../../src/symbols/system-map.js';
import { bytesOf, NAME } from '../../build/damage.js';

test('a System.map: each valid line gives a symbol, moved by KASLR; other lines are ignored', () => {
  const line = fc.oneof(
    fc.tuple(NAME, fc.nat(0xffffff)).map(([name, at]) => [name, 0xffffffff81000000n + BigInt(at)] as const),
    fc.string({ maxLength: 40 }).filter((text) => !/^[0-9a-f]{8,16} /.test(text)),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 40 }), fc.bigInt(0n, 0x3fn), (list, steps) => {
      const slide = steps << 21n;
      const own = new Map<string, bigint>();
      const lines = list.map((item) => {
        if (typeof item === 'string') return item.replaceAll('\n', ' ');
        if (!own.has(item[0])) own.set(item[0], item[1] + slide);
        return `${item[1].toString(16)} T ${item[0]}`;
      });
      const text = ['ffffffff80000000 T _stext', ...lines].join('\n');
      const map = new SystemMap(bytesOf(Buffer.from(text)), 'test', { stext: null, slide });
      own.delete('_stext');
      expect([...own].map(([name]) => map.find(name))).toEqual([...own.values()]);
    }),
  );
});
