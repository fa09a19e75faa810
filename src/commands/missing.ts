// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE } from '../core/address.js';
import { digitsOfPage } from '../report/hex.js';
import { size } from '../report/table.js';
import type { Gap } from '../spaces/space.js';

/** Pages that are missing for one reason. */
interface Missed {
  pages: number;
  /** Of the first one. */
  readonly message: string;
  readonly ranges: { first: number; pages: number }[];
  /** Whether there are more ranges. */
  isCut: boolean;
}

/** Most ranges of a reason that are kept. */
const MOST_RANGES = 10_000;

/** What is missing of a guest's memory, by reason. */
export class Missing {
  readonly #reasons = new Map<string, Missed>();

  get bytes(): number {
    return [...this.#reasons.values()].reduce((sum, { pages }) => sum + pages * PAGE_SIZE, 0);
  }

  add(page: number, pages: number, { reason, message }: Gap): void {
    const known = this.#reasons.get(reason);
    const missed: Missed = known ?? { pages: 0, message, ranges: [], isCut: false };
    if (known === undefined) this.#reasons.set(reason, missed);
    missed.pages += pages;
    if (missed.ranges.length < MOST_RANGES) missed.ranges.push({ first: page, pages });
    else missed.isCut = true;
  }

  /** A line for each reason. */
  lines(): string[] {
    return [...this.#reasons].map(
      ([reason, { pages, message, ranges }]) =>
        `${size(pages * PAGE_SIZE)} not written, ${reason} (from ${digitsOfPage(ranges[0]?.first ?? 0, 0)} on: ${message})`,
    );
  }

  /** All of it in JSON, for a note: by reason its bytes, and the ranges as pairs of an address and a size. */
  text(): string {
    const entries = [...this.#reasons].map(([reason, { pages, ranges, isCut }]) => [
      reason,
      {
        bytes: pages * PAGE_SIZE,
        isCut,
        ranges: ranges.map((range) => [`0x${digitsOfPage(range.first, 0)}`, range.pages * PAGE_SIZE]),
      },
    ]);
    return JSON.stringify(Object.fromEntries(entries));
  }
}
