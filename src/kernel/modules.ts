// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { LazyBytes } from '../core/lazy-bytes.js';
import { type Memory, readOf } from '../core/memory.js';
import { ModuleSymbols } from '../symbols/module-symbols.js';
import { resolve } from '../types/fields.js';
import type { TypeSource } from '../types/source.js';
import { listFromBothEnds } from './containers/list.js';
import { pointerAt } from './containers/pointer.js';
import { modKallsymsFields, moduleFields, oldModuleTableFields } from './structs.js';

/** A host has a few hundred; the kernel sets no limit. */
const MOST_MODULES = 0x10000;
const MOST_SYMBOLS = 1_000_000;
const SYM_SIZE = 24;
/** KSYM_NAME_LEN. */
const LONGEST_NAME = 512;

/** Address of the struct module of a loaded module, by its name; null when it is not loaded. */
export function findModule(memory: Memory, types: TypeSource, modules: bigint, name: string): bigint | null {
  const { module: at } = resolve(types, { module: moduleFields });
  for (const link of listFromBothEnds(memory, modules, MOST_MODULES, 'module list')) {
    const address = link - BigInt(at.list.offset);
    const text = readOf(memory, address + BigInt(at.name.offset), at.name.size, 'module name').text();
    if (text === name) return address;
  }
  return null;
}

/** A module's own symbols (kernel/module/kallsyms.c): those it kept after loading. */
export function moduleSymbols(memory: Memory, types: TypeSource, module: bigint, name: string): ModuleSymbols {
  const { module: at } = resolve(types, { module: moduleFields });
  const { table } =
    at.kallsyms === null
      ? resolve(types, { table: oldModuleTableFields })
      : resolve(types, { table: modKallsymsFields });
  const kallsyms =
    at.kallsyms === null ? module : pointerAt(memory, module + BigInt(at.kallsyms.offset), `module ${name}`);
  const record = readOf(memory, kallsyms, table.bytes, `symbol table of module ${name}`);
  const count = record.u32(table.count.offset);
  if (count > MOST_SYMBOLS) throw new DumpError(`module ${name}: ${count} symbols`);
  const symbols = readOf(memory, record.u64(table.symtab.offset), count * SYM_SIZE, `symbols of module ${name}`);
  let last = 0;
  for (let i = 0; i < count; i++) last = Math.max(last, symbols.u32(i * SYM_SIZE));
  if (last > count * LONGEST_NAME) throw new DumpError(`module ${name}: a symbol's name at ${last} in its strings`);
  // The table's size is told nowhere: up to the last name, and as much behind it as that may take.
  const strings = LazyBytes.of(
    memory,
    record.u64(table.strtab.offset),
    last + LONGEST_NAME,
    `symbol names of module ${name}`,
  );
  return new ModuleSymbols(name, symbols, strings);
}
