// SPDX-License-Identifier: Apache-2.0
import type { SymbolsWanted } from '../opening/outside.js';
import { ElfSymbols } from '../symbols/elf-symbols.js';
import { SystemMap } from '../symbols/system-map.js';
import type { SymbolTable } from '../symbols/table.js';
import { openPacked } from './file.js';
import type { Lookup } from './lookup.js';

/** Symbols from files that the user named, or that can be found. */
export class SymbolFiles {
  readonly #lookup: Lookup;
  readonly #systemMap: string | null;
  readonly #vmlinux: string | null;

  constructor(lookup: Lookup, { systemMap, vmlinux }: { systemMap: string | null; vmlinux: string | null }) {
    this.#lookup = lookup;
    this.#systemMap = systemMap;
    this.#vmlinux = vmlinux;
  }

  /**
   * Symbols of the vmlinux that the user named, if its build-id is that of the kernel; else null. A build-id may differ
   * because that in VMCOREINFO is wrong: then the kernel's own symbols are needed first, to check the file.
   */
  async proven(wanted: SymbolsWanted): Promise<SymbolTable | null> {
    if (this.#vmlinux === null) return null;
    const object = await this.#lookup.object(this.#vmlinux);
    if (object.buildId === null || object.buildId !== wanted.kernel.buildId) return null;
    return checked(new ElfSymbols(object, wanted.slide), wanted);
  }

  /** Symbols of the System.map that the user named; if they are not `enough`, also of other files, cheapest first. */
  async more(wanted: SymbolsWanted, enough: (tables: readonly SymbolTable[]) => boolean): Promise<SymbolTable[]> {
    const tables: SymbolTable[] = [];
    for (const find of this.#ways(wanted)) {
      const table = await find(enough(tables));
      if (table !== null) tables.push(table);
    }
    return tables;
  }

  *#ways(wanted: SymbolsWanted): Generator<(enough: boolean) => Promise<SymbolTable | null>> {
    const { kernel } = wanted;
    const named = this.#vmlinux;
    const map = this.#systemMap;
    const vmlinux = async (path: string) =>
      checked(new ElfSymbols(await this.#lookup.vmlinux(path, kernel), wanted.slide), wanted);
    if (map !== null) yield () => readMap(map, wanted);
    if (named !== null) yield async (enough) => (enough ? null : vmlinux(named));
    if (map === null)
      yield async (enough) =>
        enough ? null : this.#lookup.search('System.map', kernel, (path) => readMap(path, wanted));
    if (named === null) yield async (enough) => (enough ? null : this.#lookup.search('vmlinux', kernel, vmlinux));
  }
}

async function readMap(path: string, wanted: SymbolsWanted): Promise<SymbolTable> {
  const file = await openPacked(path);
  try {
    return checked(new SystemMap(file.read(0, file.size, 'System.map'), path, wanted), wanted);
  } finally {
    file.close?.();
  }
}

function checked(table: SymbolTable, { check }: SymbolsWanted): SymbolTable {
  check(table);
  return table;
}
