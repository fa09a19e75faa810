// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, type Vpn, vpnOf } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import type { Host } from '../kernel/host.js';
import type { Mm } from '../kernel/mm.js';
import { everywhere, findVma, type Vma } from '../kernel/vma.js';

const addressOf = (page: number): bigint => BigInt(page) * BigInt(PAGE_SIZE);
const pageOf = (address: bigint): number => Number(address / BigInt(PAGE_SIZE));

/** The pages `first` to `end` - 1 of a process, which are in one mapping or in none. */
export interface Stretch {
  readonly first: number;
  readonly end: number;
  /** The mapping; null if there is none, or if it can't be read. */
  readonly vma: Vma | null;
  /** Page in the file of the first page. */
  readonly place: number;
  /** Why the mapping can't be read; null if it can, or if there is none. */
  readonly why: DumpError | null;
}

const NOWHERE: Stretch = { first: 0, end: 0, vma: null, place: 0, why: null };

/** The mappings of a process by page. The last one is cached. */
export class Mappings {
  readonly #host: Host;
  readonly #mm: Mm;
  #last = NOWHERE;

  constructor(host: Host, mm: Mm) {
    this.#host = host;
    this.#mm = mm;
  }

  /** The mapping that contains a page, or the pages around it that have none. */
  around(page: Vpn): Stretch {
    const last = this.#last;
    if (page >= last.first && page < last.end) return last;
    this.#last = this.#find(page);
    return this.#last;
  }

  /** The mapping that contains a page; null if there is none, or it can't be read. */
  at(page: Vpn): Vma | null {
    return this.around(page).vma;
  }

  /** The first page after this one that may be in another mapping; at most `end`. */
  endAt(page: Vpn, end: Vpn): Vpn {
    return Math.min(this.around(page).end, end) as Vpn;
  }

  #find(page: Vpn): Stretch {
    const around = everywhere();
    try {
      const vma = findVma(this.#host, this.#mm, addressOf(page), around);
      const found = pagesOf(around);
      if (vma === null) return { ...NOWHERE, ...found };
      // In a damaged tree it can be found for only a part of its addresses.
      const start = pageOf(vma.start);
      const first = Math.max(found.first, start);
      const end = Math.min(found.end, vpnOf(vma.end - 1n) + 1);
      return { first, end, vma, place: Number(vma.pgoff) + first - start, why: null };
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      return { ...NOWHERE, ...pagesOf(around), why: error };
    }
  }
}

/** The pages that begin at one of these addresses. */
const pagesOf = ({ first, last }: { readonly first: bigint; readonly last: bigint }) => ({
  first: pageOf(first + BigInt(PAGE_SIZE) - 1n),
  end: pageOf(last) + 1,
});
