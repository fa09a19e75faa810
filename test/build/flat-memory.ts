// SPDX-License-Identifier: Apache-2.0
import { Bytes } from '../../src/core/bytes.js';
import type { Memory, Unreadable } from '../../src/core/memory.js';

/** Virtual memory that is one buffer, without some of its pages. */
export class FlatMemory implements Memory {
  readonly bytes: Buffer;
  /** Pages that can't be read, from the start of the buffer on. */
  readonly missing = new Set<number>();
  #next = 0;

  constructor(
    size: number,
    readonly base = 0xffff888000000000n,
  ) {
    this.bytes = Buffer.alloc(size);
  }

  /** Takes memory that nothing else uses; returns its address. */
  allocate(bytes: number, alignment = 4096): bigint {
    const start = Math.ceil(this.#next / alignment) * alignment;
    this.#next = start + bytes;
    if (this.#next > this.bytes.length) throw new Error('the memory is too small');
    return this.base + BigInt(start);
  }

  offsetOf(address: bigint): number {
    return Number(address - this.base);
  }

  read(address: bigint, length: number): Bytes | Unreadable {
    const from = this.offsetOf(address);
    if (from < 0 || from + length > this.bytes.length) return { address, reason: 'unmapped', message: 'not mapped' };
    for (let page = Math.floor(from / 4096); page * 4096 < from + length; page++)
      if (this.missing.has(page))
        return {
          address: this.base + BigInt(Math.max(from, page * 4096)),
          reason: 'excluded',
          message: `page ${page} is left out`,
        };
    return Bytes.of(this.bytes.subarray(from, from + length), { source: 'flat', offset: address });
  }
}
