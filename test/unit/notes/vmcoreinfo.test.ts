// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { VmCoreInfo } from '../../../src/notes/vmcoreinfo.js';
import { bytesOf, NAME } from '../../build/damage.js';

describe('VMCOREINFO', () => {
  const entries = fc.uniqueArray(
    fc.record({ name: NAME, value: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), small: fc.nat(999_999_999) }),
    { selector: ({ name }) => name, maxLength: 12 },
  );

  test('every entry is read as written', () => {
    fc.assert(
      fc.property(entries, (own) => {
        const text = own.flatMap(({ name, value, small }) => [
          `SYMBOL(${name})=${value.toString(16)}`,
          `NUMBER(${name})=${BigInt.asIntN(64, value)}`,
          `SIZE(${name})=${small}`,
          `OFFSET(s.${name})=${small}`,
          `LENGTH(${name})=${small}`,
        ]);
        const info = VmCoreInfo.of(bytesOf(Buffer.from(text.join('\n'))));
        for (const { name, value, small } of own) {
          expect(info.symbol(name)).toBe(value);
          expect(info.number(name)).toBe(BigInt.asIntN(64, value));
          expect([info.size(name), info.offset(`s.${name}`), info.length(name)]).toEqual([small, small, small]);
        }
      }),
    );
  });

  test('a value that is not a number is ignored', () => {
    const digits = /^[0-9a-f]{1,16}$/i;
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (value) => {
        const info = new VmCoreInfo(`SYMBOL(a)=${value}\nNUMBER(a)=${value}\nSIZE(a)=${value}\nKERNELOFFSET=${value}`);
        const line = value.split('\n')[0] ?? '';
        expect(info.symbol('a')).toBe(digits.test(line) ? BigInt(`0x${line}`) : null);
        expect(info.kernelOffset).toBe(digits.test(line) ? BigInt(`0x${line}`) : null);
        expect(info.size('a')).toBe(/^[0-9]{1,9}$/.test(line) ? Number(line) : null);
        if (!/^-?[0-9]+$|^0x/.test(line)) expect(info.number('a')).toBeNull();
      }),
      { numRuns: 500 },
    );
  });
});
