// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE } from './address.js';
import type { Bytes } from './bytes.js';
import { isUnreadable, type Memory, type Unreadable } from './memory.js';

/** Memory that keeps the page that was read last: of small records in a row, only the first one on each page has to be looked up. */
export class LastPage implements Memory {
  readonly #memory: Memory;
  #address: bigint | null = null;
  #page: Bytes | null = null;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  read(address: bigint, length: number): Bytes | Unreadable {
    const offset = Number(BigInt.asUintN(12, address));
    if (offset + length > PAGE_SIZE) return this.#memory.read(address, length);
    const start = address - BigInt(offset);
    if (this.#page === null || start !== this.#address) {
      const page = this.#memory.read(start, PAGE_SIZE);
      // Then the reason is that of the address that was asked for.
      if (isUnreadable(page)) return this.#memory.read(address, length);
      [this.#address, this.#page] = [start, page];
    }
    return this.#page.slice(offset, length);
  }
}
