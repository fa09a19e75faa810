// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, type Vpn, vpnOf } from '../core/address.js';
import { DumpError, orNull } from '../core/errors.js';
import type { Host } from '../kernel/host.js';
import type { Mm } from '../kernel/mm.js';
import { findVma, type Vma, vmas } from '../kernel/vma.js';

const addressOf = (page: Vpn): bigint => BigInt(page) * BigInt(PAGE_SIZE);

/** The mappings of a process by page. The last one is cached. */
export class Mappings {
  readonly #host: Host;
  readonly #mm: Mm;
  #last: Vma | null = null;

  constructor(host: Host, mm: Mm) {
    this.#host = host;
    this.#mm = mm;
  }

  /** The mapping that contains a page; null if there is none, or it can't be read. */
  at(page: Vpn): Vma | null {
    const address = addressOf(page);
    const last = this.#last;
    if (last !== null && address >= last.start && address < last.end) return last;
    this.#last = orNull(() => findVma(this.#host, this.#mm, address));
    return this.#last;
  }

  /** The first page after this one that may be in another mapping; at most `end`. */
  endAt(page: Vpn, end: Vpn): Vpn {
    const vma = this.at(page);
    const border = vma === null ? this.#nextStart(page, end) : vpnOf(vma.end - 1n) + 1;
    return Math.min(Math.max(border, page + 1), end) as Vpn;
  }

  /**
   * Start of the next mapping; the page itself if the tree is damaged, because the next page may have a mapping then.
   */
  #nextStart(page: Vpn, end: Vpn): number {
    try {
      for (const { start } of vmas(this.#host, this.#mm, addressOf(page), addressOf(end))) return vpnOf(start);
      return end;
    } catch (error) {
      if (error instanceof DumpError) return page;
      throw error;
    }
  }
}
