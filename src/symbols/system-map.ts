// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';
import { DumpError } from '../core/errors.js';
import { lowerBound } from '../core/search.js';
import type { SymbolTable } from './table.js';

/** A symbol of the kernel. Symbols of modules, in a copy of /proc/kallsyms, are followed by `[module]`. */
const LINE = /^([0-9a-f]{8,16}) ([a-zA-Z?]) (\S+)$/;
/** Lower values are offsets into per-CPU memory, which KASLR does not move. */
const FIRST_ADDRESS = 1n << 63n;
/** Number of functions that are compared with the dump. */
const SAMPLE = 16;

/** Where the kernel is: run-time address of _stext (null if it is not in the dump), and the KASLR offset in bytes. */
export interface Placed {
  readonly stext: bigint | null;
  readonly slide: bigint;
}

/** A System.map (addresses as linked), or a copy of /proc/kallsyms (run-time addresses): lines `address type name`. */
export class SystemMap implements SymbolTable {
  readonly #addresses = new Map<string, bigint>();
  /** Names of global functions. */
  readonly #functions: string[] = [];
  /** Names that occur more than once. */
  readonly #ambiguous = new Set<string>();
  readonly #slide: bigint;
  #sorted: BigUint64Array | null = null;

  /** Throws `DumpError` if the file has no _stext. Debian's image packages have a System.map that is only one line. */
  constructor(
    file: Bytes,
    readonly source: string,
    { stext, slide }: Placed,
  ) {
    for (const line of file.text().split('\n')) this.#add(LINE.exec(line.trimEnd()));
    const own = this.#addresses.get('_stext');
    if (own === undefined)
      throw new DumpError(`${source}: not a System.map: it has ${this.#addresses.size} symbols and no _stext`, {
        code: 'wrong-file',
        hint: 'on Debian, System.map is in the debug package (linux-image-…-dbg)',
      });
    this.#slide = own === stext ? 0n : slide;
  }

  find(name: string): bigint | null {
    const address = this.#addresses.get(name);
    return address === undefined ? null : this.#moved(address);
  }

  next(address: bigint): bigint | null {
    this.#sorted ??= BigUint64Array.from(this.#addresses.values(), (value) => this.#moved(value)).sort();
    const sorted = this.#sorted;
    return sorted[lowerBound(sorted.length, (i) => (sorted[i] as bigint) > address)] ?? null;
  }

  sample(): (readonly [string, bigint])[] {
    const names = this.#functions.filter((name) => !this.#ambiguous.has(name));
    const step = Math.max(1, Math.floor(names.length / SAMPLE));
    return names
      .filter((_, i) => i % step === 0)
      .slice(0, SAMPLE)
      .map((name) => [name, this.find(name) as bigint]);
  }

  #add(line: RegExpExecArray | null): void {
    const [, address, type, name] = line ?? [];
    if (address === undefined || name === undefined) return;
    if (this.#addresses.has(name)) {
      this.#ambiguous.add(name);
      return;
    }
    this.#addresses.set(name, BigInt(`0x${address}`));
    // The address of _stext is from VMCOREINFO already, and _text is the same.
    if (type === 'T' && name !== '_stext' && name !== '_text') this.#functions.push(name);
  }

  #moved(address: bigint): bigint {
    return address < FIRST_ADDRESS ? address : address + this.#slide;
  }
}
