// SPDX-License-Identifier: Apache-2.0

import type { KernelIdentity } from '../kernel/host.js';
import type { KernelNeeds, NeededModule } from '../kernel/needs.js';
import type { Placed } from '../symbols/system-map.js';
import type { SymbolTable } from '../symbols/table.js';
import type { TypeSource } from '../types/source.js';
import type { ModuleOrigin } from './module-build.js';

/** Where types may come from: whatever there is, or one kind of source alone. */
export type TypesFrom = 'auto' | 'btf' | 'dwarf' | 'layout';

/** What tables of symbols are wanted for. */
export interface SymbolsWanted extends Placed {
  readonly kernel: KernelIdentity;
  /** Throws `DumpError` for a table of another build. */
  readonly check: (table: SymbolTable) => void;
}

/** Whose types are wanted, and what of them. */
export interface TypesNeeded {
  readonly kernel: KernelIdentity;
  readonly needs: KernelNeeds;
}

/** What types are wanted for. */
export interface TypesWanted extends TypesNeeded {
  /** Whether these are all that is needed. */
  readonly enough: (types: readonly TypeSource[]) => boolean;
  /** Build-id of the module that ran, read with these; null where it can't be told. */
  readonly moduleBuildId: (module: NeededModule, types: readonly TypeSource[]) => string | null;
}

/** What lies beside a dump: files that the user named, files in the places of distributions, profiles that are shipped. */
export interface Outside {
  readonly typesFrom: TypesFrom;
  /** The text of VMCOREINFO that the user gave in place of the dump's. */
  readonly vmcoreinfo: string | null;
  /** Symbols of a file that is known to be this kernel's by its build-id: it saves looking for the kernel's own. */
  provenSymbols(wanted: SymbolsWanted): Promise<SymbolTable | null>;
  /** Symbols that the user named; and unless these are `enough`, those that can be found. */
  moreSymbols(wanted: SymbolsWanted, enough: (tables: readonly SymbolTable[]) => boolean): Promise<SymbolTable[]>;
  /** Types that the user named. */
  givenTypes(needed: TypesNeeded): Promise<readonly TypeSource[]>;
  /** Types that can be found, until there are enough. */
  foundTypes(wanted: TypesWanted): Promise<readonly TypeSource[]>;
  /** What of all these describes a module. */
  readonly modules: readonly ModuleOrigin[];
  /** Places that were looked at for a message, and what would help. */
  readonly looked: readonly string[];
}

/** Nothing but the dump. */
export const nothingBeside: Outside = {
  typesFrom: 'auto',
  vmcoreinfo: null,
  provenSymbols: () => Promise.resolve(null),
  moreSymbols: () => Promise.resolve([]),
  givenTypes: () => Promise.resolve([]),
  foundTypes: () => Promise.resolve([]),
  modules: [],
  looked: [],
};
