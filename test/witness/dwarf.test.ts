// SPDX-License-Identifier: Apache-2.0
// Compares DWARF written by gcc and clang, in every version and form, with the layout that the compilers use.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BytesSource } from '../../src/core/bytes-source.js';
import { DumpError } from '../../src/core/errors.js';
import { openDwarf, openObject } from '../../src/debuginfo/dwarf-file.js';
import { ElfObject } from '../../src/elf/sections.js';
import { AT, FORM, TAG } from '../../src/types/dwarf/constants.js';
import { type CompileWish, compile, run, toC } from '../build/compiled.js';
import { Layouts } from '../build/layout.js';
import { KVM_TYPES, SMALL_KERNEL } from '../build/small-kernel.js';
import { clang, clangName, dwz, gcc, needing } from '../needs.js';

const LAYOUTS = new Layouts(SMALL_KERNEL + KVM_TYPES);
const withGcc = needing(gcc);

const open = async (path: string) => (await openDwarf(await openObject(path), [])).types;

const variantsOf = (compiler?: string): (readonly [string, CompileWish])[] =>
  ([2, 3, 4, 5] as const).flatMap((dwarf): (readonly [string, CompileWish])[] => {
    const base: CompileWish = { dwarf, ...(compiler === undefined ? {} : { compiler }) };
    const name = `${compiler ?? 'gcc'}, DWARF ${dwarf}`;
    return [
      [`${name}, relocatable`, base],
      [`${name}, linked`, { ...base, linked: true }],
      [`${name}, SHF_COMPRESSED`, { ...base, compress: 'zlib' }],
      [`${name}, .zdebug`, { ...base, linked: true, compress: 'zlib-gnu' }],
      ...(dwarf < 4 ? [] : ([[`${name}, type units`, { ...base, typeUnits: true }]] as const)),
      ...(compiler !== undefined || dwarf < 3
        ? []
        : ([[`${name}, 64-bit offsets`, { ...base, flags: ['-gdwarf64'] }]] as const)),
      ...(compiler === undefined ? ([[`${name}, strict`, { ...base, flags: ['-gstrict-dwarf'] }]] as const) : []),
    ];
  });

/** A test for each form in which gcc and clang write debug information. */
function eachVariant(body: (name: string, wish: CompileWish) => Promise<void>, only = /./): void {
  const matching = (compiler?: string) => variantsOf(compiler).filter(([name]) => only.test(name));
  withGcc.test.each(matching())('%s', body);
  needing(gcc, clang).test.each(matching(clangName ?? 'clang'))('%s', body);
}

describe('every structure has its layout', () => {
  eachVariant(async (_name, wish) => {
    const types = await open(compile(toC(LAYOUTS), wish));
    for (const [struct, list] of LAYOUTS.structs) {
      expect([struct, types.sizeOf(struct)]).toEqual([struct, LAYOUTS.size(struct)]);
      for (const { name, offset, type } of LAYOUTS.place(list)) {
        if (name === '') continue;
        const count = type.kind === 'array' ? type.count : 1;
        expect([struct, name, types.member(struct, name)]).toEqual([
          struct,
          name,
          expect.objectContaining({ offset, size: LAYOUTS.size(type), count }),
        ]);
      }
    }
    expect(types.member('pid_namespace', 'idr.idr_rt.xa_head')).toMatchObject({
      offset: LAYOUTS.offset('pid_namespace', 'idr.idr_rt.xa_head'),
      kind: 'pointer',
    });
    expect(types.enumerators('pageflags')).toEqual(new Map(LAYOUTS.enums.get('pageflags')));
    expect(types.sizeOf('unknown')).toBeNull();
    expect(types.member('task_struct', 'unknown')).toBeNull();
  });
});

/** Unusual structures in C, and a program that prints the offset of each member. */
const AWKWARD = `
typedef unsigned long ulong_t;
typedef const volatile ulong_t cv_t;
enum tiny { A = -1, B = 7 } __attribute__((packed));
struct inner { char c; short s; };
struct forward;
typedef struct { int x; struct inner in; } unnamed_t;
struct bits { unsigned a:3; unsigned b:7; unsigned long c:40; signed d:5; unsigned :0; unsigned char e:1, f:6; };
struct packed_bits { char c; unsigned a:5; unsigned long b:33; short s; } __attribute__((packed));
struct awkward {
  char first;
  cv_t qualified;
  union { struct { int deep; union { long deeper; char bytes[8]; }; }; double d; };
  unnamed_t un;
  struct forward *pointer;
  int (*function)(struct awkward *, int);
  int two[3][4];
  struct inner array[5];
  enum tiny t;
  _Bool flag;
  __int128 wide;
  float f;
  struct inner flexible[];
};
struct zero { int n; struct inner none[0]; long after[0]; };
struct empty { };
struct bits kept_bits; struct packed_bits kept_packed; struct awkward kept; struct zero kept_zero; struct empty kept_empty;
struct inner kept_inner;
`;

const MEMBERS = [
  ['awkward', 'first'],
  ['awkward', 'qualified'],
  ['awkward', 'deep'],
  ['awkward', 'deeper'],
  ['awkward', 'bytes'],
  ['awkward', 'd'],
  ['awkward', 'un'],
  ['awkward', 'un.in.s'],
  ['awkward', 'pointer'],
  ['awkward', 'function'],
  ['awkward', 'two'],
  ['awkward', 'array'],
  ['awkward', 't'],
  ['awkward', 'flag'],
  ['awkward', 'wide'],
  ['awkward', 'f'],
  ['awkward', 'flexible'],
  ['zero', 'none'],
  ['zero', 'after'],
  ['packed_bits', 's'],
] as const;

describe('unusual structures, compared with a compiled program', () => {
  const printed = () => {
    const lines = MEMBERS.map(
      ([struct, path]) =>
        `printf("%zu %zu\\n", __builtin_offsetof(struct ${struct}, ${path}), ${/flexible|none|after/.test(path) ? '(size_t)0' : `sizeof(((struct ${struct} *)0)->${path})`});`,
    );
    const program = compile(`#include <stdio.h>\n${AWKWARD}\nint main(void) { ${lines.join('\n')} return 0; }`);
    run('gcc', ['-no-pie', program, '-o', `${program}.run`]);
    return run(`${program}.run`, [])
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' ').map(Number));
  };

  eachVariant(async (_name, wish) => {
    const types = await open(compile(AWKWARD, wish));
    const found = MEMBERS.map(([struct, path]) => {
      const member = types.member(struct, path);
      return [member?.offset, member?.size];
    });
    expect(found).toEqual(printed());
    expect(types.member('awkward', 'two')).toMatchObject({ count: 12, element: 4 });
    expect(types.member('awkward', 'array')).toMatchObject({ count: 5, kind: 'struct' });
    expect(types.member('awkward', 'flexible')).toMatchObject({ count: 0, element: 4, kind: 'struct' });
    expect(types.member('awkward', 'function')).toMatchObject({ kind: 'pointer' });
    expect(types.member('bits', 'b')).toMatchObject({ size: 0, element: 0, kind: 'other' });
    expect(types.sizeOf('empty')).toBe(0);
    expect(types.sizeOf('forward')).toBeNull();
  });
});

needing(gcc, dwz).describe('files processed by dwz', () => {
  // Two files that share most of their types, as if they included the same header.
  const pair = (dwarf: 4 | 5) =>
    [1, 2].map((i) =>
      compile(`# 1 "types.h" 1\n${toC(LAYOUTS)}\n# 1 "unit.c" 2\nint only_${i};\n`, { dwarf, linked: true }),
    );

  test.each([4, 5] as const)('DWARF %i: partial units in the file itself', async (dwarf) => {
    const sources = [1, 2].map((i) =>
      compile(
        toC(LAYOUTS).replace(/\nstruct \w+ kept_/g, (text) => text.replace('kept_', `kept${i}_`)),
        {
          dwarf,
        },
      ),
    );
    const linked = `${sources[0]}.linked`;
    run('gcc', [
      '-nostdlib',
      '-static',
      '-no-pie',
      '-Wl,-e,0',
      '-Wl,--allow-multiple-definition',
      ...sources,
      '-o',
      linked,
    ]);
    run('dwz', [linked]);
    expect(run('readelf', ['--debug-dump=info', linked])).toMatch(/DW_TAG_partial_unit/);
    const types = await open(linked);
    for (const struct of LAYOUTS.structs.keys())
      expect([struct, types.sizeOf(struct)]).toEqual([struct, LAYOUTS.size(struct)]);
    expect(types.member('pid_namespace', 'idr.idr_rt.xa_head')?.offset).toBe(
      LAYOUTS.offset('pid_namespace', 'idr.idr_rt.xa_head'),
    );
  });

  test.each([4, 5] as const)('DWARF %i: types in a common file', async (dwarf) => {
    const files = pair(dwarf);
    run('dwz', ['-m', `${files[0]}.common`, '-M', `${files[0]}.common`, ...files]);
    expect(run('readelf', ['--debug-dump=info', files[0] as string])).toMatch(/DW_AT_type +: <alt 0x/);
    const types = await open(files[0] as string);
    for (const struct of LAYOUTS.structs.keys())
      expect([struct, types.sizeOf(struct)]).toEqual([struct, LAYOUTS.size(struct)]);
    expect(types.member('pid_namespace', 'idr.idr_rt.xa_head')?.offset).toBe(
      LAYOUTS.offset('pid_namespace', 'idr.idr_rt.xa_head'),
    );
    run('rm', [`${files[0]}.common`]);
    await expect(open(files[0] as string)).rejects.toThrow(
      /part of its debug information is in another file: .*no such file/,
    );
  });
});

describe('damage', () => {
  const NAMES = ['task_struct', 'kvm', 'kvm_memory_slot', 'pid_namespace', 'mm_struct', 'page'];
  const ask = async (object: ElfObject) => {
    const { types } = await openDwarf(object, []);
    for (const name of NAMES) {
      types.sizeOf(name);
      for (const [member] of LAYOUTS.structs.get(name) ?? []) types.member(name, member);
    }
    types.member('pid_namespace', 'idr.idr_rt.xa_head');
    types.enumerators('pageflags');
  };

  // Any byte may be changed; the result is an answer or a DumpError.
  eachVariant(async (_name, wish) => {
    const whole = readFileSync(compile(toC(LAYOUTS), wish));
    const sections = new ElfObject(new BytesSource('whole', whole)).sections.filter(({ name }) =>
      /debug_(info|abbrev|types|str)/.test(name),
    );
    const place = fc.constantFrom(...sections).chain(({ offset, size }) => fc.nat(size - 1).map((at) => offset + at));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(place, fc.nat(255)), { minLength: 1, maxLength: 4 }), async (changes) => {
        const damaged = Buffer.from(whole);
        for (const [at, value] of changes) damaged[at] = value;
        await ask(new ElfObject(new BytesSource('damaged', damaged))).catch((error: unknown) => {
          if (!(error instanceof DumpError)) throw error;
        });
      }),
      { numRuns: 150 },
    );
  }, /relocatable|type units|linked/);

  // The name is gone, the entry is still a declaration: nothing can be looked up by name.
  withGcc.test.each([2, 3, 4, 5] as const)('DWARF %i: a declaration that lost its name', async (dwarf) => {
    const source = 'struct elsewhere; struct holder { struct elsewhere *at; } kept;';
    const damaged = Buffer.from(readFileSync(compile(source, { dwarf })));
    const shape = Buffer.from([AT.Name, FORM.Strp, AT.Declaration, dwarf < 4 ? FORM.Flag : FORM.FlagPresent]);
    const inline = Buffer.from([AT.Name, FORM.String, AT.Declaration, dwarf < 4 ? FORM.Flag : FORM.FlagPresent]);
    const place = Math.max(damaged.indexOf(shape), damaged.indexOf(inline));
    expect(place).toBeGreaterThan(0);
    damaged[place] = AT.ConstValue;
    // The member becomes one of that structure, instead of a pointer to it.
    const pointer = damaged.indexOf(Buffer.from([TAG.PointerType, 0, AT.ByteSize, FORM.Data1, AT.Type, FORM.Ref4]));
    expect(pointer).toBeGreaterThan(0);
    damaged[pointer] = TAG.ConstType;
    const { types } = await openDwarf(new ElfObject(new BytesSource('damaged', damaged)), []);
    expect(types.member('holder', 'at')).toMatchObject({ kind: 'other', size: 0 });
    expect(types.sizeOf('')).toBeNull();
  });

  withGcc.test('truncated anywhere', async () => {
    const whole = readFileSync(compile(toC(LAYOUTS), { dwarf: 4, linked: true }));
    for (let size = 0; size < whole.length; size += 997)
      await expect(
        (async () => {
          await ask(new ElfObject(new BytesSource('cut', whole.subarray(0, size))));
        })(),
      ).rejects.toThrow(DumpError);
  });
});
