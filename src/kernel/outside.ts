// SPDX-License-Identifier: Apache-2.0
import type { SymbolTable } from '../symbols/table.js';
import type { TypeSource } from '../types/source.js';
import type { KernelIdentity } from './identity.js';

/** Where types may come from: whatever there is, or one kind of source alone. */
export type TypesFrom = 'auto' | 'btf' | 'dwarf' | 'layout';

/** Those that the user named, `besides` the kernel's own or `instead` of them; or to `search` for what nobody named. */
export type WantedSymbols = 'besides' | 'instead' | 'search';

/** What lies beside a dump: files that the user named, files in the places of distributions, profiles that are shipped. */
export interface Outside {
  readonly typesFrom: TypesFrom;
  /** Tables of symbols. */
  symbols(kernel: KernelIdentity, slide: bigint, want: WantedSymbols): Promise<readonly SymbolTable[]>;
  /** Types that the user named. */
  givenTypes(kernel: KernelIdentity): Promise<readonly TypeSource[]>;
  /** Types that can be found, until those asked for so far are whole (`enough`). */
  foundTypes(kernel: KernelIdentity, enough: (types: readonly TypeSource[]) => boolean): Promise<readonly TypeSource[]>;
  /** Refuses a module file of another build than the running module's, whose build-id `running` reads if it is asked. */
  checkModule(running: () => string | null): void;
  /** Places that were looked at for a message, and what would help. */
  readonly looked: readonly string[];
}

/** Nothing but the dump. */
export const nothingBeside: Outside = {
  typesFrom: 'auto',
  symbols: () => Promise.resolve([]),
  givenTypes: () => Promise.resolve([]),
  foundTypes: () => Promise.resolve([]),
  checkModule: () => undefined,
  looked: [],
};
