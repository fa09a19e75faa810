// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';

/**
 * VMCOREINFO: a text in which a kernel describes itself to readers of its dump, lines of KEY=VALUE (Linux
 * Documentation/admin-guide/kdump/vmcoreinfo.rst). A value is null if the text does not have it, or it is malformed.
 */
export class VmCoreInfo {
  readonly #values = new Map<string, string>();

  constructor(
    /** The text itself. */
    readonly source: string,
  ) {
    for (const line of source.split(/\r?\n/)) {
      const equals = line.indexOf('=');
      if (equals > 0) this.#values.set(line.slice(0, equals), line.slice(equals + 1));
    }
  }

  /** From the contents of the VMCOREINFO note. */
  static of(bytes: Bytes): VmCoreInfo {
    return new VmCoreInfo(bytes.text());
  }

  /** The value of a key as text. */
  text(key: string): string | null {
    return this.#values.get(key) ?? null;
  }

  /** Kernel release, as `uname -r` prints it. */
  get release(): string | null {
    return this.text('OSRELEASE');
  }

  /** Run-time virtual address of a symbol. */
  symbol(name: string): bigint | null {
    return this.#parse(`SYMBOL(${name})`, /^[0-9a-f]{1,16}$/i, (digits) => BigInt(`0x${digits}`));
  }

  /** Run-time virtual addresses of all symbols in the text. */
  symbols(): ReadonlyMap<string, bigint> {
    const all = new Map<string, bigint>();
    for (const key of this.#values.keys()) {
      const name = /^SYMBOL\((\w+)\)$/.exec(key)?.[1];
      const address = name === undefined ? null : this.symbol(name);
      if (name !== undefined && address !== null) all.set(name, address);
    }
    return all;
  }

  /** A signed number. Most are decimal; some are hexadecimal with 0x (VMALLOC_START). */
  number(name: string): bigint | null {
    return this.#parse(`NUMBER(${name})`, /^(-?[0-9]{1,20}|0x[0-9a-f]{1,16})$/i, BigInt);
  }

  /** Size of a structure in bytes. */
  size(name: string): number | null {
    return this.#parse(`SIZE(${name})`, /^[0-9]{1,9}$/, Number);
  }

  /** Number of elements of an array. */
  length(name: string): number | null {
    return this.#parse(`LENGTH(${name})`, /^[0-9]{1,9}$/, Number);
  }

  /** Offset in bytes of `struct.member`. */
  offset(name: string): number | null {
    return this.#parse(`OFFSET(${name})`, /^[0-9]{1,9}$/, Number);
  }

  /** KASLR offset of the kernel's text, in bytes; null on kernels that do not record it. */
  get kernelOffset(): bigint | null {
    return this.#parse('KERNELOFFSET', /^[0-9a-f]{1,16}$/i, (digits) => BigInt(`0x${digits}`));
  }

  #parse<T>(key: string, form: RegExp, parse: (text: string) => T): T | null {
    const text = this.#values.get(key);
    return text !== undefined && form.test(text) ? parse(text) : null;
  }
}
