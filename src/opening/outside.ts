// SPDX-License-Identifier: Apache-2.0

import type { KernelIdentity } from '../kernel/host.js';
import type { KernelNeeds, NeededModule } from '../kernel/needs.js';
import type { Placed } from '../symbols/system-map.js';
import type { SymbolTable } from '../symbols/table.js';
import type { TypeSource } from '../types/source.js';
import type { ModuleOrigin } from './module-build.js';

/** Where types may come from: any source (`auto`), or one kind only. */
export type TypesFrom = 'auto' | 'btf' | 'dwarf' | 'layout';

/** A request for symbol tables. */
export interface SymbolsWanted extends Placed {
  readonly kernel: KernelIdentity;
  /** Throws `DumpError` for a table from another build. */
  readonly check: (table: SymbolTable) => void;
}

/** The kernel whose types are needed, and which types. */
export interface TypesNeeded {
  readonly kernel: KernelIdentity;
  readonly needs: KernelNeeds;
}

/** A request for types. */
export interface TypesWanted extends TypesNeeded {
  /** Whether these sources are enough. */
  readonly enough: (types: readonly TypeSource[]) => boolean;
  /** Build-id of the loaded module in hexadecimal, read with the help of `types`; null if it can't be found. */
  readonly moduleBuildId: (module: NeededModule, types: readonly TypeSource[]) => string | null;
}

/**
 * Sources of symbols and types other than the dump: files that the user named, files where distributions install them,
 * and shipped layout profiles.
 */
export interface Outside {
  readonly typesFrom: TypesFrom;
  /** The text of VMCOREINFO that the user gave, which replaces that of the dump; null if none was given. */
  readonly vmcoreinfo: string | null;
  /** Symbols of a file whose build-id is that of the kernel. They save a search for the kernel's own. Null if none. */
  provenSymbols(wanted: SymbolsWanted): Promise<SymbolTable | null>;
  /** Symbols of files that the user named and, unless these are `enough`, of files that can be found. */
  moreSymbols(wanted: SymbolsWanted, enough: (tables: readonly SymbolTable[]) => boolean): Promise<SymbolTable[]>;
  /** Types of files that the user named. */
  givenTypes(needed: TypesNeeded): Promise<readonly TypeSource[]>;
  /** Types of files that can be found, until they are enough. */
  foundTypes(wanted: TypesWanted): Promise<readonly TypeSource[]>;
  /**
   * Types of a module that the host has loaded: of the file that the user named, or, unless the dump describes the module
   * (`isDescribed`), of the first that can be found; null if there are none.
   */
  soughtTypes(module: NeededModule, wanted: TypesWanted, isDescribed: boolean): Promise<TypeSource | null>;
  /** The sources used so far that describe a module. */
  readonly modules: readonly ModuleOrigin[];
  /** What was searched for without success; for messages. */
  readonly looked: readonly string[];
}

/** No sources other than the dump. */
export const nothingBeside: Outside = {
  typesFrom: 'auto',
  vmcoreinfo: null,
  provenSymbols: () => Promise.resolve(null),
  moreSymbols: () => Promise.resolve([]),
  givenTypes: () => Promise.resolve([]),
  foundTypes: () => Promise.resolve([]),
  soughtTypes: () => Promise.resolve(null),
  modules: [],
  looked: [],
};
