// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';

/** VMCOREINFO: what a kernel tells about itself to readers of its dump (Documentation/admin-guide/kdump/vmcoreinfo.rst). */
export class VmCoreInfo {
  readonly #values = new Map<string, string>();

  constructor(text: string) {
    for (const line of text.split(/\r?\n/)) {
      const equals = line.indexOf('=');
      if (equals > 0) this.#values.set(line.slice(0, equals), line.slice(equals + 1));
    }
  }

  static of(bytes: Bytes): VmCoreInfo {
    return new VmCoreInfo(bytes.text());
  }

  text(key: string): string | null {
    return this.#values.get(key) ?? null;
  }

  get release(): string | null {
    return this.text('OSRELEASE');
  }

  /** Run-time virtual address of a symbol. */
  symbol(name: string): bigint | null {
    return this.#parse(`SYMBOL(${name})`, /^[0-9a-f]{1,16}$/i, (digits) => BigInt(`0x${digits}`));
  }

  /** Run-time virtual addresses of all symbols it names. */
  symbols(): ReadonlyMap<string, bigint> {
    const all = new Map<string, bigint>();
    for (const key of this.#values.keys()) {
      const name = /^SYMBOL\((\w+)\)$/.exec(key)?.[1];
      const address = name === undefined ? null : this.symbol(name);
      if (name !== undefined && address !== null) all.set(name, address);
    }
    return all;
  }

  /** A number, signed; decimal by rule, hexadecimal with 0x by exception (VMALLOC_START). */
  number(name: string): bigint | null {
    return this.#parse(`NUMBER(${name})`, /^(-?[0-9]{1,20}|0x[0-9a-f]{1,16})$/i, BigInt);
  }

  /** Bytes of a structure. */
  size(name: string): number | null {
    return this.#parse(`SIZE(${name})`, /^[0-9]{1,9}$/, Number);
  }

  /** Elements of an array. */
  length(name: string): number | null {
    return this.#parse(`LENGTH(${name})`, /^[0-9]{1,9}$/, Number);
  }

  /** Offset in bytes of `struct.member`. */
  offset(name: string): number | null {
    return this.#parse(`OFFSET(${name})`, /^[0-9]{1,9}$/, Number);
  }

  /** Slide of the kernel's text, bytes; null on kernels that do not tell. */
  get kernelOffset(): bigint | null {
    return this.#parse('KERNELOFFSET', /^[0-9a-f]{1,16}$/i, (digits) => BigInt(`0x${digits}`));
  }

  #parse<T>(key: string, form: RegExp, parse: (text: string) => T): T | null {
    const text = this.#values.get(key);
    return text !== undefined && form.test(text) ? parse(text) : null;
  }
}
