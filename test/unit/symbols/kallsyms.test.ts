// SPDX-License-Identifier: Apache-2.0
// Parsers of what a dump brings with it: they read whatever can be written, and whatever that becomes by damage ends in
// an answer or in an error of this program's own.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pfn } from '../../../src/core/address.js';
import { Bytes } from '../../../src/core/bytes.js';
import { BytesSource } from '../../../src/core/bytes-source.js';
import { DumpError } from '../../../src/core/errors.js';
import type { Memory } from '../../../src/core/memory.js';
import { openImage } from '../../../src/dump/open.js';
import { parseNotes } from '../../../src/elf/notes.js';
import { VmCoreInfo } from '../../../src/notes/vmcoreinfo.js';
import { type AddressTables, Kallsyms } from '../../../src/symbols/kallsyms.js';
import { SystemMap } from '../../../src/symbols/system-map.js';
import { Btf } from '../../../src/types/btf.js';
import { GraphTypes } from '../../../src/types/graph.js';
import { BtfWriter } from '../../build/btf.js';
import { elfCore, kdump, notes } from '../../build/files.js';
import { FORMS, writeKallsyms } from '../../build/kallsyms.js';
import { Layouts } from '../../build/layout.js';

const of = (bytes: Uint8Array, offset: number | bigint = 0) => Bytes.of(bytes, { source: 'test', offset });

/** What `read` returns; null where it ends in an error of this program's own. */
function orError<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof DumpError) return null;
    throw error;
  }
}

/** Words that lengths, offsets and counts are feared for. */
const WORDS = [0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff];
/** Changes of bytes: places as parts of the length, and what is written there. */
const damage = fc
  .array(
    fc.record({
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      word: fc.oneof(fc.constantFrom(...WORDS), fc.nat(0xffffffff)),
      width: fc.constantFrom(1, 2, 4),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((changes) => (bytes: Uint8Array, end = bytes.length): Buffer => {
    const out = Buffer.from(bytes);
    for (const { at, word, width } of changes) {
      const place = Math.floor(at * end);
      const value = Buffer.alloc(4);
      value.writeUInt32LE(word);
      value.copy(out, place, 0, Math.min(width, end - place));
    }
    return out;
  });

/** Lengths of 128 and more take two bytes in kallsyms. */
const NAME = fc.oneof(
  { arbitrary: fc.stringMatching(/^[a-z_][a-zA-Z0-9_.]{0,30}$/), weight: 19 },
  { arbitrary: fc.stringMatching(/^[a-z_][a-zA-Z0-9_.]{120,240}$/), weight: 1 },
);

describe('notes', () => {
  const note = fc.record({
    name: fc.stringMatching(/^[A-Za-z]{1,12}$/),
    type: fc.nat(0xffffffff),
    desc: fc.uint8Array({ maxLength: 50 }),
  });
  const list = fc.array(note, { maxLength: 6 });
  const plain = (bytes: Bytes) => parseNotes(bytes).map(({ desc, ...rest }) => ({ ...rest, desc: desc.array() }));

  test('are read as they were written', () => {
    fc.assert(
      fc.property(list, (own) => {
        expect(plain(of(notes(own)))).toEqual(own);
      }),
    );
  });

  test('cut anywhere: those that are whole', () => {
    fc.assert(
      fc.property(list, fc.nat(500), (own, cut) => {
        const bytes = notes(own).subarray(0, cut);
        const read = plain(of(bytes));
        expect(read).toEqual(own.slice(0, read.length));
        const whole = own.filter((_, i) => notes(own.slice(0, i + 1)).length <= cut).length;
        expect(read.length).toBeGreaterThanOrEqual(whole);
      }),
    );
  });

  test('damaged: no note reaches beyond the bytes', () => {
    fc.assert(
      fc.property(list, damage, (own, change) => {
        const bytes = change(notes(own));
        const read = orError(() => plain(of(bytes))) ?? [];
        expect(read.reduce((sum, { desc }) => sum + 12 + desc.length, 0)).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 500 },
    );
  });
});

describe('VMCOREINFO', () => {
  const entries = fc.uniqueArray(
    fc.record({ name: NAME, value: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), small: fc.nat(999_999_999) }),
    { selector: ({ name }) => name, maxLength: 12 },
  );

  test('every entry is read as it was written', () => {
    fc.assert(
      fc.property(entries, (own) => {
        const text = own.flatMap(({ name, value, small }) => [
          `SYMBOL(${name})=${value.toString(16)}`,
          `NUMBER(${name})=${BigInt.asIntN(64, value)}`,
          `SIZE(${name})=${small}`,
          `OFFSET(s.${name})=${small}`,
          `LENGTH(${name})=${small}`,
        ]);
        const info = VmCoreInfo.of(of(Buffer.from(text.join('\n'))));
        for (const { name, value, small } of own) {
          expect(info.symbol(name)).toBe(value);
          expect(info.number(name)).toBe(BigInt.asIntN(64, value));
          expect([info.size(name), info.offset(`s.${name}`), info.length(name)]).toEqual([small, small, small]);
        }
      }),
    );
  });

  test('what is no number is none: nothing is read out of it', () => {
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

/** Texts of structures, each made of numbers, arrays, unnamed structures and unions, and of those before it. */
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
  /** Every named member of a structure, those of unnamed ones inside included. */
  const names = (text: string) => [...text.matchAll(/\b((?:m|beside)\d+)/g)].map(([, name = '']) => name);

  test('members lie where they were laid', () => {
    fc.assert(
      fc.property(layoutText, fc.constantFrom(24 as const, 32 as const), (text, headerLength) => {
        const layouts = new Layouts(text);
        const types = new GraphTypes(new Btf('test', of(new BtfWriter(layouts, { headerLength }).bytes())));
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

  test('damaged: an answer or an error, and an end', () => {
    fc.assert(
      fc.property(layoutText, damage, fc.boolean(), (text, change, isHeader) => {
        const whole = new BtfWriter(new Layouts(text)).bytes();
        const bytes = change(whole, isHeader ? 24 : whole.length);
        const types = orError(() => new GraphTypes(new Btf('test', of(bytes))));
        for (let i = 0; types !== null && i < 8; i++) {
          orError(() => types.sizeOf(`s${i}`));
          for (const name of ['m0', 'm1', 'm1.m0', 'beside2']) orError(() => types.member(`s${i}`, name));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('kallsyms', () => {
  const BASE = 0xffffffff82000000n;
  const memoryOf = (bytes: Uint8Array): Memory => ({
    read: (address, length) =>
      address >= BASE && address + BigInt(length) <= BASE + BigInt(bytes.length)
        ? of(bytes.subarray(Number(address - BASE), Number(address - BASE) + length), address)
        : { address, reason: 'unmapped', message: 'not mapped' },
  });
  const STEXT = 0xffffffff81000000n;
  /** Symbols of a kernel by ascending addresses, `_stext` the first of them. */
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
  const read = (bytes: Uint8Array, tables: ReadonlyMap<string, bigint>) => {
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
    );
  };

  test('every name has its address, in every form that kernels have had', () => {
    fc.assert(
      fc.property(symbols, form, (all, kind) => {
        // Longer names there were none before lengths took two bytes (KSYM_NAME_LEN was 128).
        const own = kind.wide ? all : all.filter(([name]) => name.length < 128);
        const { bytes, tables } = writeKallsyms(own, BASE, kind);
        const table = read(bytes, tables);
        expect(own.map(([name]) => table.find(name.slice(1)))).toEqual(own.map(([, address]) => address));
        expect(table.find('nobody_has_this_name')).toBeNull();
      }),
      { numRuns: 60 },
    );
  });

  /** Read with lengths of one byte these end too, three bytes behind their end. */
  const TWO_WAYS = [
    'ta_.aa.a0._A_a._AaA0A_AAa0_Aa.A_._.0a_.0_0A_a..aa._.__a.aA_AA0__._0aAAAa0..A0A.a.a.__A..AA0aa0_.a0a0_0a0__00a.0.._.A0a.._.aA00.3',
    't_',
    't__A0AAAAAAaA.a_aaaAA__._.aA_aA_a.000aaAaa._a0.O.._._0_00_0A_a0___0a.0_..A0.aaAa0Aa__0A__.0.aa__a..A_A000_a...00Aa.A_0_.0_aa_.',
  ];

  test('names that could be told apart in two ways are told apart in the right one', () => {
    const own = TWO_WAYS.map((name, i) => [name, STEXT + BigInt(i + 1)] as const);
    for (const kind of Object.values(FORMS).filter(({ wide }) => wide)) {
      const { bytes, tables } = writeKallsyms([['T_stext', STEXT], ...own], BASE, kind);
      const table = read(bytes, tables);
      expect(own.map(([name]) => table.find(name.slice(1)))).toEqual(own.map(([, address]) => address));
    }
  });

  test('damaged: an answer or an error, and an end', () => {
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

test('a System.map: every symbol of a line that is one, moved by KASLR; other lines are passed over', () => {
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
      const map = new SystemMap(of(Buffer.from(text)), 'test', { stext: null, slide });
      own.delete('_stext');
      expect([...own].map(([name]) => map.find(name))).toEqual([...own.values()]);
    }),
  );
});

describe('headers of dump files, one field damaged: every page is its own or none', () => {
  const page = (seed: number) => Uint8Array.from({ length: 4096 }, (_, i) => (seed * 37 + (i >> 6)) & 0xff);
  const pages = new Map(Array.from({ length: 24 }, (_, i) => [i < 12 ? i : 3 * i, page(i)] as const));
  const open = (bytes: Uint8Array) => openImage([new BytesSource('test', bytes)]);
  const isRight = async (bytes: Uint8Array): Promise<boolean> => {
    const image = await open(bytes).catch((error: unknown) => {
      if (error instanceof DumpError) return null;
      throw error;
    });
    return [...pages].every(([frame, own]) => {
      const view = image?.frame(pfn(frame)) ?? null;
      return view === null || Buffer.from(view.buffer, view.byteOffset, 4096).equals(own);
    });
  };
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    width: fc.constantFrom(1, 2, 4, 8),
    value: fc.oneof(fc.constantFrom(...WORDS.map(BigInt)), fc.bigInt(0n, (1n << 64n) - 1n)),
  });
  const changed = (bytes: Buffer, [from, to]: readonly [number, number], { at, width, value }: ChangeOf) => {
    const out = Buffer.from(bytes);
    const word = Buffer.alloc(8);
    word.writeBigUInt64LE(value);
    const place = from + Math.floor((at * (to - from)) / width) * width;
    word.copy(out, place, 0, width);
    return out;
  };
  type ChangeOf = { readonly at: number; readonly width: number; readonly value: bigint };

  test.each([1, 2, 3, 4, 5, 6])('kdump-compressed, version %d', async (version) => {
    const bytes = kdump({ version, packing: 'zlib', pages, frames: 90 });
    expect(await isRight(bytes)).toBe(true);
    await fc.assert(
      fc.asyncProperty(fc.boolean(), change, async (isSub, wish) => {
        expect(await isRight(changed(bytes, isSub ? [4096, 4096 + 104] : [0, 464], wish))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('ELF', async () => {
    const segments = [...pages].map(([frame, bytes]) => ({
      paddr: frame * 4096,
      bytes,
      vaddr: 0xffff888000000000n + BigInt(frame * 4096),
    }));
    const bytes = elfCore({ segments });
    expect(await isRight(bytes)).toBe(true);
    await fc.assert(
      fc.asyncProperty(change, async (wish) => {
        expect(await isRight(changed(bytes, [0, 64 + 56 * (segments.length + 1)], wish))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
