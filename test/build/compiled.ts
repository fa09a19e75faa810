// SPDX-License-Identifier: Apache-2.0
// Debug information written by real compilers: the structures of a `Layouts` are turned into C and compiled.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Layouts, Members, Type } from './layout.js';

const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-compiled-'));
let count = 0;

export interface CompileWish {
  readonly compiler?: string;
  readonly dwarf?: 2 | 3 | 4 | 5;
  /** Type units: .debug_types in DWARF 4. */
  readonly typeUnits?: boolean;
  /** Whether it is linked, as vmlinux is; else it is relocatable, as modules are. */
  readonly linked?: boolean;
  readonly compress?: 'zlib' | 'zlib-gnu' | 'zstd';
  /** Further arguments for the compiler. */
  readonly flags?: readonly string[];
  /** Further arguments for the linker. */
  readonly linkFlags?: readonly string[];
}

export function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', cwd: folder });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}\n${stderr}`);
  return stdout;
}

/** Compiles C. Returns the path of the output. */
export function compile(source: string, wish: CompileWish = {}): string {
  const { compiler = 'gcc', dwarf = 4, typeUnits = false, linked = false, compress, flags = [], linkFlags = [] } = wish;
  const name = join(folder, `unit${count++}`);
  writeFileSync(`${name}.c`, source);
  const keep = '-fno-eliminate-unused-debug-types';
  const types = typeUnits ? ['-fdebug-types-section'] : [];
  run(compiler, [
    `-gdwarf-${dwarf}`,
    '-O0',
    '-fno-pie',
    keep,
    ...types,
    ...flags,
    '-c',
    `${name}.c`,
    '-o',
    `${name}.o`,
  ]);
  let result = `${name}.o`;
  if (linked) {
    run('gcc', [
      '-nostdlib',
      '-static',
      '-no-pie',
      '-Wl,--build-id',
      '-Wl,-e,0',
      ...linkFlags,
      `${name}.o`,
      '-o',
      name,
    ]);
    result = name;
  }
  if (compress !== undefined) {
    run('objcopy', [`--compress-debug-sections=${compress}`, result, `${result}.packed`]);
    result = `${result}.packed`;
  }
  return result;
}

/** The structures and enumerations as C, each with a variable, so that compilers keep it, and assertions of its layout. */
export function toC(layouts: Layouts, only: (name: string) => boolean = () => true): string {
  const done = new Set<string>();
  const parts: string[] = [];
  const define = (name: string): void => {
    if (done.has(name)) return;
    done.add(name);
    const list = layouts.structs.get(name) ?? [];
    for (const inner of embedded(list)) define(inner);
    parts.push(`struct ${name} {\n${membersText(list)}};\nstruct ${name} kept_${name};`);
    const proofs = layouts
      .place(list)
      .filter(({ name: member }) => member !== '')
      .map(
        ({ name: member, offset }) => `_Static_assert(__builtin_offsetof(struct ${name}, ${member}) == ${offset}, "");`,
      );
    parts.push(`_Static_assert(sizeof(struct ${name}) == ${layouts.size(name)}, "");`, ...proofs);
  };
  for (const name of layouts.structs.keys()) if (only(name)) define(name);
  for (const [name, values] of layouts.enums)
    if (only(name))
      parts.push(
        `enum ${name} { ${values.map(([text, value]) => `${text} = ${value}`).join(', ')} };\nenum ${name} kept_${name};`,
      );
  return `${parts.join('\n')}\n`;
}

function embedded(list: Members): string[] {
  return list.flatMap(([, type]) => namesIn(type));
}

function namesIn(type: Type): string[] {
  if (type.kind === 'struct') return [type.name];
  if (type.kind === 'array') return namesIn(type.of);
  return type.kind === 'anonymous' ? embedded(type.members) : [];
}

function membersText(list: Members): string {
  return list.map(([name, type]) => `${declared(name, type)};\n`).join('');
}

function declared(name: string, type: Type): string {
  if (type.kind === 'int') return `${type.name} ${name}`;
  if (type.kind === 'pointer') return `void *${name}`;
  if (type.kind === 'struct') return `struct ${type.name} ${name}`;
  if (type.kind === 'array') return declared(`${name}[${type.count === 0 ? '' : type.count}]`, type.of);
  return `${type.union ? 'union' : 'struct'} {\n${membersText(type.members)}}`;
}
