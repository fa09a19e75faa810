// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE } from '../core/address.js';
import { isUnreadable, type Memory } from '../core/memory.js';
import type { AddressRange } from './kallsyms-scan.js';

const PAGE = BigInt(PAGE_SIZE);
/** Pages between two that are looked at. The smallest kallsyms_names seen has 400 KiB. */
const STRIDE = 64n;
/** Pages from the last one with names alone to the end of the token table: markers of 8 bytes take two. */
const TAIL = 6n;
/** Bytes of the tokens of a name in the page; almost all have 3 to 30. */
const SHORTEST = 2;
const LONGEST = 80;
/** A name begins in the first of these bytes of a page. */
const FIRST = LONGEST + 1;

/**
 * Where kallsyms_token_table is likely to be between the addresses `from` and `to`, last first: after a large table that looks like
 * kallsyms_names, of which few pages are read. What is there must be proven. There may be others.
 */
export function* likelyTokens(memory: Memory, from: bigint, to: bigint): Generator<AddressRange> {
  for (let page = to - (to % PAGE) - PAGE; page > from; page -= STRIDE * PAGE) {
    if (!isNames(memory, page)) continue;
    const last = lastOf(memory, page);
    yield [last, last + TAIL * PAGE];
  }
}

/** The last page of names, which ends before the next page that is looked at. */
function lastOf(memory: Memory, page: bigint): bigint {
  let last = page;
  for (let step = (STRIDE / 2n) * PAGE; step >= PAGE; step /= 2n) if (isNames(memory, last + step)) last += step;
  return last;
}

/** Whether a page can be taken for names from one end to the other: lengths that lead to each other. */
function isNames(memory: Memory, address: bigint): boolean {
  const read = memory.read(address, PAGE_SIZE);
  if (isUnreadable(read)) return false;
  const bytes = read.array();
  for (let first = 0; first < FIRST; first++) {
    let at = first;
    while (at < PAGE_SIZE && isLength(bytes[at] as number)) at += (bytes[at] as number) + 1;
    if (at >= PAGE_SIZE) return true;
  }
  return false;
}

const isLength = (byte: number): boolean => byte >= SHORTEST && byte <= LONGEST;
