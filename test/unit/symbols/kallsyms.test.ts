// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Memory } from '../../../src/core/memory.js';
import type { SymbolHints } from '../../../src/symbols/hints.js';
import { Kallsyms } from '../../../src/symbols/kallsyms.js';
import type { AddressTables } from '../../../src/symbols/kallsyms-formulas.js';
import { bytesOf, damage, NAME, orError } from '../../build/damage.js';
import { FORMS, type KallsymsForm, writeKallsyms } from '../../build/kallsyms.js';

describe('kallsyms', () => {
  const BASE = 0xffffffff82000000n;
  let reads = 0;
  const memoryOf = (bytes: Uint8Array): Memory => ({
    read: (address, length) => {
      reads++;
      return address >= BASE && address + BigInt(length) <= BASE + BigInt(bytes.length)
        ? bytesOf(bytes.subarray(Number(address - BASE), Number(address - BASE) + length), address)
        : { address, reason: 'unmapped', message: 'not mapped' };
    },
  });
  const STEXT = 0xffffffff81000000n;
  /** Symbols of a kernel in ascending order of addresses, `_stext` first. */
  const symbols = fc
    .uniqueArray(fc.tuple(NAME, fc.nat(0xfff)), { selector: ([name]) => name, maxLength: 700 })
    .map((list) => {
      const all: (readonly [string, bigint])[] = [['T_stext', STEXT]];
      let address = STEXT;
      for (const [name, step] of list.filter(([own]) => own !== '_stext')) {
        address += BigInt(step + 1);
        all.push([`t${name}`, address]);
      }
      return all;
    });
  const form = fc.constantFrom(...Object.values(FORMS));
  const read = (bytes: Uint8Array, tables: ReadonlyMap<string, bigint>, hints: SymbolHints | null = null) => {
    const at = (name: string) => tables.get(name) ?? null;
    const addresses: AddressTables = {
      offsets: at('offsets'),
      relativeBase: at('relative_base'),
      addresses: at('addresses'),
    };
    const need = (name: string) => tables.get(name) as bigint;
    return new Kallsyms(
      memoryOf(bytes),
      {
        numSyms: need('num_syms'),
        names: need('names'),
        tokenTable: need('token_table'),
        tokenIndex: need('token_index'),
        addresses: [addresses],
      },
      { name: '_stext', address: STEXT },
      { hints },
    );
  };

  test('every name has its address, in every form that kernels have used', () => {
    fc.assert(
      fc.property(symbols, form, (all, kind) => {
        // There were no longer names before lengths took two bytes (KSYM_NAME_LEN was 128).
        const own = kind.wide ? all : all.filter(([name]) => name.length < 128);
        const { bytes, tables } = writeKallsyms(own, BASE, kind);
        const table = read(bytes, tables);
        expect(own.map(([name]) => table.find(name.slice(1)))).toEqual(own.map(([, address]) => address));
        expect(table.find('nobody_has_this_name')).toBeNull();
      }),
      { numRuns: 60 },
    );
  });

  test.each([0, 3, 1023, 1024, 3000])('addresses are right with %i symbols before the one that is known', (before) => {
    for (const kind of Object.values(FORMS)) {
      // Per-cpu variables have addresses from 0 on, so that another formula gives the first the address that is known.
      const low = (i: number): bigint => (kind.addresses === 'percpu' ? BigInt(16 * i) : STEXT + BigInt(i - before));
      const own = Array.from(
        { length: before + 300 },
        (_, i) => [`ts${i}`, i < before ? low(i) : STEXT + BigInt(i - before)] as const,
      );
      const all = [...own.slice(0, before), ['T_stext', STEXT] as const, ...own.slice(before)];
      const { bytes, tables } = writeKallsyms(all, BASE, kind);
      const table = read(bytes, tables);
      const asked = ['_stext', 's0', `s${before}`, `s${before + 299}`];
      const expected = all.filter(([name]) => asked.includes(name.slice(1)));
      for (const [name, address] of expected) expect(table.find(name.slice(1))).toBe(address);
    }
  });

  test('of symbols with the same name the first one is found', () => {
    for (const kind of Object.values(FORMS)) {
      const names = Array.from({ length: 600 }, (_, i) => `t${['init', 'exit', 'probe'][i % 3]}`);
      const own = names.map((name, i) => [name, STEXT + BigInt(i + 1)] as const);
      const { bytes, tables } = writeKallsyms([['T_stext', STEXT], ...own], BASE, kind);
      const table = read(bytes, tables);
      expect(['init', 'exit', 'probe'].map((name) => table.find(name))).toEqual([1n, 2n, 3n].map((at) => STEXT + at));
    }
  });

  /** The forms with kallsyms_seqs_of_names where it is found: not after addresses that are absolute, which x86 does not have. */
  const SORTED = Object.values(FORMS).filter(({ sorted, addresses }) => sorted !== 'none' && addresses !== 'absolute');

  /** What earlier runs have said. */
  class Hints implements SymbolHints {
    learned = 0;

    constructor(readonly ranks = new Map<string, number>()) {}

    rank(name: string): number | undefined {
      return this.ranks.get(name);
    }

    learnRank(name: string, rank: number): void {
      this.learned++;
      this.ranks.set(name, rank);
    }
  }

  test('whatever earlier runs have said, the addresses are the same', () => {
    const said = fc.array(fc.oneof(fc.nat(700), fc.constantFrom(0xffffff, 2 ** 31, 999_999_999)), { minLength: 1 });
    fc.assert(
      fc.property(symbols, form, said, (all, kind, ranks) => {
        const own = kind.wide ? all : all.filter(([name]) => name.length < 128);
        const { bytes, tables } = writeKallsyms(own, BASE, kind);
        const asked = [...own.map(([name]) => name.slice(1)), 'nobody_has_this_name'];
        const hints = new Hints(new Map(asked.map((name, i) => [name, ranks[i % ranks.length] as number])));
        const table = read(bytes, tables, hints);
        expect(asked.map((name) => table.find(name))).toEqual([...own.map(([, address]) => address), null]);
        // What this run has found is true, so that nothing is left to learn.
        hints.learned = 0;
        const second = read(bytes, tables, hints);
        expect(asked.map((name) => second.find(name))).toEqual([...own.map(([, address]) => address), null]);
        expect(hints.learned).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test('of symbols with the same name the first one is found, also if another one was named', () => {
    const own = ['a', 'same', 'same', 'same', 'z'].map((name, i) => [`t${name}`, STEXT + BigInt(i + 1)] as const);
    const { bytes, tables } = writeKallsyms([['T_stext', STEXT], ...own], BASE, FORMS['7.2'] as KallsymsForm);
    for (let rank = 0; rank < 8; rank++) {
      const table = read(
        bytes,
        tables,
        new Hints(
          new Map([
            ['same', rank],
            ['sam', rank],
            ['zz', rank],
            ['', rank],
          ]),
        ),
      );
      expect(['same', 'sam', 'zz', ''].map((name) => table.find(name))).toEqual([STEXT + 2n, null, null, null]);
    }
  });

  test('a place that is known saves the search', () => {
    const own = Array.from({ length: 5000 }, (_, i) => [`tsymbol_${i}`, STEXT + BigInt(i + 1)] as const);
    for (const kind of SORTED) {
      const { bytes, tables } = writeKallsyms([['T_stext', STEXT], ...own], BASE, kind);
      const hints = new Hints();
      read(bytes, tables, hints).find('symbol_4711');
      const counts = [null, hints].map((each) => {
        const table = read(bytes, tables, each);
        reads = 0;
        expect(table.find('symbol_4711')).toBe(STEXT + 4712n);
        return reads;
      });
      expect(counts[1]).toBeLessThan((counts[0] as number) / 2);
    }
  });

  /** Bytes with zeros from a fraction of the length on. */
  function zeroed(bytes: Uint8Array, { at, size }: { readonly at: number; readonly size: number }): Uint8Array {
    const start = Math.floor(at * bytes.length);
    return Uint8Array.from(bytes).fill(0, start, start + size);
  }

  test('damaged: with the places of an undamaged dump, or with made-up ones, no answer is worse', () => {
    const made = fc.constantFrom(0, 0, 0, -1, 1, 4, -4, 100);
    const zeros = fc.record({ at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), size: fc.nat(700) });
    fc.assert(
      fc.property(symbols, fc.constantFrom(...SORTED), fc.oneof(zeros, damage), made, (own, kind, change, step) => {
        const { bytes, tables } = writeKallsyms(own, BASE, kind);
        const hints = new Hints();
        const whole = read(bytes, tables, hints);
        const right = own.map(([name]) => whole.find(name.slice(1)));
        // Names whose place is not known are searched for: of the others, one in three.
        for (const [i, [name, rank]] of [...hints.ranks].entries())
          if (name === '_stext' || i % 3 === 0) hints.ranks.set(name, Math.max(0, rank + step));
          else hints.ranks.delete(name);
        const damaged = typeof change === 'function' ? change(bytes) : zeroed(bytes, change);
        const without = orError(() => read(damaged, tables));
        const table = orError(() => read(damaged, tables, hints));
        expect(table === null).toBe(without === null);
        const asked = [...own.map(([name]) => name.slice(1)), 'nobody_has_this_name'];
        for (const [i, name] of asked.entries()) {
          const answers = [orError(() => without?.find(name)), right[i] ?? null];
          expect(answers).toContainEqual(orError(() => table?.find(name)));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('a name that a damaged sorted table does not lead to is found among all names', () => {
    const own = Array.from({ length: 5000 }, (_, i) => [`tsymbol_${i}`, STEXT + BigInt(i + 1)] as const);
    const names = own.map(([name]) => name.slice(1)).sort();
    // With _stext there are 5001 names. One of 16 that are compared is at the rank 333; it is not among the first six.
    const lost = names.slice(312, 352);
    for (const kind of SORTED) {
      const { bytes, tables } = writeKallsyms([['T_stext', STEXT], ...own], BASE, kind);
      const start = Number((tables.get('seqs_of_names') as bigint) - BASE) + 3 * 313;
      const table = read(Uint8Array.from(bytes).fill(0, start, start + 3 * lost.length), tables);
      for (const name of [...lost, names[0] as string, names.at(-1) as string])
        expect(table.find(name)).toBe(STEXT + BigInt(Number(name.slice(7)) + 1));
      expect(table.find('nobody_has_this_name')).toBeNull();
    }
  });

  /** Read with lengths of one byte, the names also end, but three bytes after the real end. */
  const TWO_WAYS = [
    'ta_.aa.a0._A_a._AaA0A_AAa0_Aa.A_._.0a_.0_0A_a..aa._.__a.aA_AA0__._0aAAAa0..A0A.a.a.__A..AA0aa0_.a0a0_0a0__00a.0.._.A0a.._.aA00.3',
    't_',
    't__A0AAAAAAaA.a_aaaAA__._.aA_aA_a.000aaAaa._a0.O.._._0_00_0A_a0___0a.0_..A0.aaAa0Aa__0A__.0.aa__a..A_A000_a...00Aa.A_0_.0_aa_.',
  ];

  test('names that could be split in two ways are split correctly', () => {
    const own = TWO_WAYS.map((name, i) => [name, STEXT + BigInt(i + 1)] as const);
    for (const kind of Object.values(FORMS).filter(({ wide }) => wide)) {
      const { bytes, tables } = writeKallsyms([['T_stext', STEXT], ...own], BASE, kind);
      const table = read(bytes, tables);
      expect(own.map(([name]) => table.find(name.slice(1)))).toEqual(own.map(([, address]) => address));
    }
  });

  test('damaged: gives a result or an error, and terminates', () => {
    fc.assert(
      fc.property(symbols, form, damage, (own, kind, change) => {
        const { bytes, tables } = writeKallsyms(own, BASE, kind);
        const table = orError(() => read(change(bytes), tables));
        for (const [name] of own.slice(0, 20)) orError(() => table?.find(name.slice(1)));
      }),
      { numRuns: 150 },
    );
  });
});
