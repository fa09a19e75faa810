// SPDX-License-Identifier: Apache-2.0
// The types of modules that only some hosts have loaded.
import { DumpError, orNull } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { Memory } from '../core/memory.js';
import { findModule } from '../kernel/modules.js';
import type { NeededModule } from '../kernel/needs.js';
import type { SymbolTable } from '../symbols/table.js';
import { LayeredTypes } from '../types/layered.js';
import { describes, type TypeSource } from '../types/source.js';
import type { OwnTypes } from './btf.js';
import type { Outside, TypesWanted } from './outside.js';

/** Whether a module is loaded, or built into the kernel. False if its list of modules can't be read. */
export function isLoaded(
  { name, builtIn }: NeededModule,
  { memory, symbols, types }: { memory: Memory; symbols: SymbolTable; types: TypeSource },
): boolean {
  const modules = symbols.find('modules');
  const find = (): boolean => modules !== null && findModule(memory, types, modules, name) !== null;
  return orNull(find) === true || symbols.find(builtIn) !== null;
}

/** The types of modules on top of those of the kernel. A module's BTF is read when it is first asked for. */
export class ModuleTypes {
  readonly #own: OwnTypes | null;
  readonly #log: Log;
  readonly #beside = new Map<string, TypeSource>();
  readonly #known = new Map<string, TypeSource | null>();

  /** `own`: what the dump has; null if it has no types. */
  constructor(own: OwnTypes | null, log: Log) {
    this.#own = own;
    this.#log = log;
  }

  /** Takes the types of a module from other files: that which the user named, or any if the dump has none. */
  async seek(module: NeededModule, base: TypeSource, wanted: TypesWanted, outside: Outside): Promise<void> {
    const isDescribed = describes(this.of(module, base), module.marker);
    const found = await outside.soughtTypes(module, wanted, isDescribed);
    if (found === null) return;
    this.#beside.set(module.name, found);
    this.#log.found(`types of module ${module.name}: ${found.source}`);
  }

  /** `base` and the types of a module. */
  of({ name }: NeededModule, base: TypeSource): TypeSource {
    const layers = [base, this.#beside.get(name) ?? null, this.#ownOf(name)].filter((types) => types !== null);
    return layers.length === 1 ? base : new LayeredTypes(layers);
  }

  #ownOf(name: string): TypeSource | null {
    let types = this.#known.get(name);
    if (types === undefined) {
      types = this.#read(name);
      this.#known.set(name, types);
    }
    return types;
  }

  #read(name: string): TypeSource | null {
    try {
      return this.#own?.ofModule(name) ?? null;
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      this.#log.warn(`the types of module ${name} can't be read: ${error.message}`, error);
      return null;
    }
  }
}
