// SPDX-License-Identifier: Apache-2.0
import { Symbols } from '../../src/symbols/cache.js';
import { type BtfOptions, BtfWriter } from './btf.js';
import { FlatMemory } from './flat-memory.js';
import type { Layouts } from './layout.js';

/** struct btf up to `named_start_id` (kernel/bpf/btf.c): the size of its struct btf_header, and the place of that. */
const HEADER = 32;
const HEADER_AT = 48;
const STRUCT = 112;

/** BTF of a kernel that sorts it by name, and `btf_vmlinux`: a struct btf, and its array of types. Type 0 is not in the BTF. */
export class IndexedBtf {
  readonly memory: FlatMemory;
  readonly symbols: Symbols;
  readonly length: number;
  /** Addresses of the BTF, of its types, of struct btf and of the array. */
  readonly start: bigint;
  readonly types: bigint;
  readonly struct: bigint;
  readonly array: bigint;
  readonly writer: BtfWriter;
  /** Number of pointers in the array. */
  readonly count: number;

  /** `address`: where its memory is. */
  constructor(layouts: Layouts, options: BtfOptions = {}, address?: bigint) {
    const writer = new BtfWriter(layouts, { sorted: true, ...options });
    this.writer = writer;
    const bytes = writer.bytes();
    const { starts, unnamed } = writer.places;
    const headerLength = options.headerLength ?? 24;
    this.length = bytes.length;
    this.count = starts.length + 1;
    this.memory = new FlatMemory(bytes.length + this.count * 8 + 8 * 4096, address);
    this.start = this.#put(bytes);
    this.types = this.start + BigInt(headerLength);
    const pointers = [this.memory.base + 8n, ...starts.map((offset) => this.types + BigInt(offset))];
    this.array = this.#put(new BigUint64Array(pointers));
    const struct = Buffer.alloc(STRUCT);
    struct.writeBigUInt64LE(this.start, 0);
    struct.writeBigUInt64LE(this.array, 8);
    struct.set(bytes.subarray(0, headerLength), HEADER_AT);
    struct.writeUInt32LE(this.count, HEADER_AT + HEADER);
    struct.writeUInt32LE(unnamed + 1, HEADER_AT + HEADER + 4);
    this.struct = this.#put(struct);
    const pointer = this.#put(new BigUint64Array([this.struct]));
    this.symbols = new Symbols({
      source: 'test',
      find: (name) => (name === 'btf_vmlinux' ? pointer : null),
      next: () => null,
    });
  }

  #put(data: Uint8Array | BigUint64Array): bigint {
    const address = this.memory.allocate(data.byteLength);
    this.memory.bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), this.memory.offsetOf(address));
    return address;
  }
}
