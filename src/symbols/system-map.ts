// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';
import { DumpError } from '../core/errors.js';
import { lowerBound } from '../core/search.js';
import type { SymbolTable } from './table.js';

/** A symbol of the kernel's; those of modules, in a copy of /proc/kallsyms, have `[module]` behind. */
const LINE = /^([0-9a-f]{8,16}) ([a-zA-Z?]) (\S+)$/;
/** Lower ones are offsets into per-CPU memory: KASLR does not move them. */
const FIRST_ADDRESS = 1n << 63n;
/** Functions that say whether it is the same kernel's. */
const SAMPLE = 16;

/** Where the kernel lies: its first symbol as the dump tells it (null: not told), and how far KASLR moved it. */
export interface Placed {
  readonly stext: bigint | null;
  readonly slide: bigint;
}

/** A System.map, as linked, or a copy of /proc/kallsyms, as it ran: `address type name` a line. */
export class SystemMap implements SymbolTable {
  readonly #addresses = new Map<string, bigint>();
  /** Names of global functions. */
  readonly #functions: string[] = [];
  /** Names that stand there more than once. */
  readonly #ambiguous = new Set<string>();
  readonly #slide: bigint;
  #sorted: BigUint64Array | null = null;

  /** Throws `DumpError` for a file that has no such lines: Debian's image packages bring a map of one line. */
  constructor(
    file: Bytes,
    readonly source: string,
    { stext, slide }: Placed,
  ) {
    for (const line of file.text().split('\n')) this.#add(LINE.exec(line.trimEnd()));
    const own = this.#addresses.get('_stext');
    if (own === undefined)
      throw new DumpError(`${source}: no System.map: it has ${this.#addresses.size} symbols, and no _stext`, {
        code: 'wrong-file',
        hint: "Debian's is in the package of debug information (linux-image-…-dbg)",
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
    // VMCOREINFO names _stext already; _text stands for it.
    if (type === 'T' && name !== '_stext' && name !== '_text') this.#functions.push(name);
  }

  #moved(address: bigint): bigint {
    return address < FIRST_ADDRESS ? address : address + this.#slide;
  }
}
