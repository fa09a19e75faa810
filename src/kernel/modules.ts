// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { LazyBytes } from '../core/lazy-bytes.js';
import { type Memory, readOf } from '../core/memory.js';
import { KeptSymbols } from '../symbols/kept-symbols.js';
import { ModuleSymbols } from '../symbols/module-symbols.js';
import type { SymbolTable } from '../symbols/table.js';
import { resolve } from '../types/fields.js';
import type { TypeSource } from '../types/source.js';
import { listFromBothEnds } from './containers/list.js';
import { pointerAt } from './containers/pointer.js';
import type { Host } from './host.js';
import { modKallsymsFields, moduleFields, oldModuleTableFields } from './structs.js';

/** Most modules. A host has a few hundred; the kernel has no limit. */
const MOST_MODULES = 0x10000;
const MOST_SYMBOLS = 1_000_000;
const SYM_SIZE = 24;

/** Address of the struct module of a loaded module; null if it is not loaded. `modules`: address of the list head. */
export function findModule(memory: Memory, types: TypeSource, modules: bigint, name: string): bigint | null {
  const { module: at } = resolve(types, { module: moduleFields });
  for (const link of listFromBothEnds(memory, modules, MOST_MODULES, 'module list')) {
    const address = link - BigInt(at.list.offset);
    const text = readOf(memory, address + BigInt(at.name.offset), at.name.size, 'module name').text();
    if (text === name) return address;
  }
  return null;
}

/**
 * Symbols of a loaded module, read when they are searched; null if it is not loaded. `modules`: as for `findModule`. Throws `DumpError` if the
 * module can't be read.
 */
export function symbolsOfModule(
  { memory, types, kept }: Pick<Host, 'memory' | 'types' | 'kept'>,
  modules: bigint,
  name: string,
): SymbolTable | null {
  const open = (): ModuleSymbols | null => {
    const module = findModule(memory, types, modules, name);
    return module === null ? null : moduleSymbols(memory, types, module, name);
  };
  return kept === null ? open() : KeptSymbols.of(kept.within(`symbols of module ${name}`), open);
}

/** Symbols of the module whose struct module is at an address, as kept after loading (kernel/module/kallsyms.c). */
function moduleSymbols(memory: Memory, types: TypeSource, module: bigint, name: string): ModuleSymbols {
  const { module: at } = resolve(types, { module: moduleFields });
  const { table } =
    at.kallsyms === null
      ? resolve(types, { table: oldModuleTableFields })
      : resolve(types, { table: modKallsymsFields });
  const kallsyms =
    at.kallsyms === null ? module : pointerAt(memory, module + BigInt(at.kallsyms.offset), `module ${name}`);
  const record = readOf(memory, kallsyms, table.bytes, `symbol table of module ${name}`);
  const count = record.u32(table.count.offset);
  if (count > MOST_SYMBOLS) throw new DumpError(`module ${name} can't have ${count} symbols`);
  const [symtab, strtab] = [record.u64(table.symtab.offset), record.u64(table.strtab.offset)];
  return new ModuleSymbols(
    name,
    LazyBytes.of(memory, symtab, count * SYM_SIZE, `symbols of module ${name}`),
    (length) => LazyBytes.of(memory, strtab, length, `symbol names of module ${name}`),
  );
}
