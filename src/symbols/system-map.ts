// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';
import { DumpError } from '../core/errors.js';
import { lowerBound } from '../core/search.js';
import type { SymbolTable } from './table.js';

const LINE = /^([0-9a-f]{8,16}) [a-zA-Z?] (\S+)/;

/** A System.map (or a copy of /proc/kallsyms): `address type name` a line. Addresses are as linked; `slide` is KASLR's. */
export class SystemMap implements SymbolTable {
  readonly source: string;
  readonly #addresses = new Map<string, bigint>();
  #sorted: BigUint64Array | null = null;

  /** Throws `DumpError` for a file that has no such lines: Debian's image packages bring a map of one line. */
  constructor(file: Bytes, name: string, slide: bigint) {
    this.source = name;
    for (const line of file.text().split('\n')) {
      const [, address, symbol] = LINE.exec(line) ?? [];
      if (address !== undefined && symbol !== undefined && !this.#addresses.has(symbol))
        this.#addresses.set(symbol, BigInt(`0x${address}`) + slide);
    }
    if (!this.#addresses.has('_stext'))
      throw new DumpError(`${name}: no System.map: it has ${this.#addresses.size} symbols, and no _stext`, {
        hint: "Debian's is in the package of debug information (linux-image-…-dbg)",
      });
  }

  find(name: string): bigint | null {
    return this.#addresses.get(name) ?? null;
  }

  next(address: bigint): bigint | null {
    this.#sorted ??= BigUint64Array.from(this.#addresses.values()).sort();
    const sorted = this.#sorted;
    return sorted[lowerBound(sorted.length, (i) => (sorted[i] as bigint) > address)] ?? null;
  }
}
