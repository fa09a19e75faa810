// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../core/errors.js';
import { LazyBytes } from '../core/lazy-bytes.js';
import { isUnreadable, type Memory } from '../core/memory.js';
import { occurrences } from '../core/memory-search.js';
import { type Anchor, Kallsyms, type KallsymsTables } from './kallsyms.js';
import { LEAST_STEP, MARKED, MOST_STEP } from './kallsyms-names.js';

/** Each digit is always a token of its own, so their texts are adjacent in kallsyms_token_table. */
const DIGITS = Uint8Array.from('0123456789', (digit) => digit.charCodeAt(0));
const PATTERN = Uint8Array.from({ length: 2 * DIGITS.length }, (_, i) => (i % 2 === 0 ? (DIGITS[i / 2] as number) : 0));
const TOKENS = 256;
const ZERO = 0x30;
/** kallsyms_token_index has 16 bits per token. */
const LONGEST_TABLE = 0x10000;
const INDEX_BYTES = TOKENS * 2;
/** Bytes before the token table that are searched for the markers: in 6.1, kallsyms_seqs_of_names is in between. */
const REACH = 24 * 1024 * 1024;
/** Fewest numbers in a row that are taken for markers. */
const FEWEST_MARKERS = 4;

/** Addresses from the first up to, but not including, the second. */
export type AddressRange = readonly [from: bigint, to: bigint];

/**
 * Finds the kernel's symbol table by its contents, at the first of these places in the kernel's image that has one. For kernels
 * whose VMCOREINFO does not have the addresses of its parts (before Linux 6.0). Null if there is none.
 */
export function scanKallsyms(memory: Memory, places: Iterable<AddressRange>, anchor: Anchor): Kallsyms | null {
  // Places can overlap. What belongs to a token table does not depend on the place.
  const rejected = new Set<bigint>();
  for (const place of places)
    for (const tokens of tokensIn(memory, place)) {
      if (rejected.has(tokens.table)) continue;
      for (const tables of candidates(memory, anchor.address, tokens)) {
        const found = tryTables(memory, tables, anchor);
        if (found !== null) return found;
      }
      rejected.add(tokens.table);
    }
  return null;
}

function* tokensIn(memory: Memory, [from, to]: AddressRange): Generator<TokenTables> {
  // The digits may extend past the end.
  for (const hit of occurrences(memory, from, to + BigInt(PATTERN.length), PATTERN)) {
    const tokens = tokenTables(memory, hit);
    if (tokens !== null) yield tokens;
  }
}

const tryTables = (memory: Memory, tables: KallsymsTables, anchor: Anchor): Kallsyms | null =>
  orNull(() => new Kallsyms(memory, tables, anchor, { source: 'kallsyms found in the dump by a scan' }));

interface TokenTables {
  readonly table: bigint;
  readonly index: bigint;
}

/** The token table around the digits at an address, if an index after it has the offsets of its 256 texts. */
function tokenTables(memory: Memory, digits: bigint): TokenTables | null {
  const rest = memory.read(digits, LONGEST_TABLE);
  const bytes = isUnreadable(rest) ? memory.read(digits, 4096 - Number(digits % 4096n)) : rest;
  if (isUnreadable(bytes)) return null;
  const texts = bytes.array();
  let end = 0;
  for (let token = ZERO; token < TOKENS; token++) {
    end = texts.indexOf(0, end) + 1;
    if (end === 0) return null;
  }
  for (const alignment of [8n, 4n, 2n]) {
    const index = ((digits + BigInt(end) + alignment - 1n) / alignment) * alignment;
    const table = tableOf(memory, index, digits);
    if (table !== null) return { table, index };
  }
  return null;
}

/** Start of the token table that belongs to an index; null if the two do not match. */
function tableOf(memory: Memory, index: bigint, digits: bigint): bigint | null {
  const starts = memory.read(index, INDEX_BYTES);
  if (isUnreadable(starts) || starts.u16(0) !== 0) return null;
  const table = digits - BigInt(starts.u16(ZERO * 2));
  const texts = memory.read(table, Number(index - table));
  if (isUnreadable(texts)) return null;
  let at = 0;
  for (let token = 0; token < TOKENS; token++) {
    if (starts.u16(token * 2) !== at) return null;
    at = texts.array().indexOf(0, at) + 1;
    if (at === 0) return null;
  }
  return table;
}

/** Possible addresses of the other tables, in every order that kernels have used. */
function* candidates(memory: Memory, from: bigint, { table, index }: TokenTables): Generator<KallsymsTables> {
  const reach = table - from > BigInt(REACH) ? REACH : Number(table - from) & ~7;
  const region = LazyBytes.of(memory, table - BigInt(reach), reach, 'kernel image');
  for (const markers of markersBefore(region))
    for (const { numSyms, names, count } of namesBefore(region, markers)) {
      const at = (offset: number): bigint => table - BigInt(reach - offset);
      yield {
        numSyms: at(numSyms),
        names: at(names),
        tokenTable: table,
        tokenIndex: index,
        addresses: [...addressesBefore(at(numSyms), count), ...addressesAfter(index + BigInt(INDEX_BYTES), count)],
      };
    }
}

interface Markers {
  readonly at: number;
  readonly count: number;
  readonly last: number;
}

/** Rows of ascending numbers that begin with 0, nearest to the end first. A page that can't be read ends the search. */
function* markersBefore(region: LazyBytes): Generator<Markers> {
  try {
    for (let at = region.length - 4; at >= 0; at -= 4) {
      if (region.u32(at) !== 0) continue;
      for (const size of [4, 8] as const) {
        const found = rowAt(region, at, size);
        if (found.count >= FEWEST_MARKERS) yield found;
      }
    }
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
  }
}

function rowAt(region: LazyBytes, at: number, size: 4 | 8): Markers {
  let last = 0;
  let count = 1;
  for (; at + (count + 1) * size <= region.length; count++) {
    const mark = region.u32(at + count * size);
    const step = mark - last;
    if (step < LEAST_STEP || step > MOST_STEP || (size === 8 && region.u32(at + count * size + 4) !== 0)) break;
    last = mark;
  }
  return { at, count, last };
}

interface Names {
  readonly numSyms: number;
  readonly names: number;
  readonly count: number;
}

/** Possible kallsyms_num_syms and kallsyms_names, at a distance from the markers that fits the last of them. */
function* namesBefore(region: LazyBytes, { at: markers, count: marks, last }: Markers): Generator<Names> {
  const first = markers - last - 2;
  for (let names = first - (first % 4); names >= 8 && names > first - MOST_STEP - 64; names -= 4)
    for (const numSyms of [names - 4, names - 8]) {
      const count = region.u32(numSyms);
      if (Math.ceil(count / MARKED) === marks) yield { numSyms, names, count };
    }
}

/** Up to 6.5, the addresses precede kallsyms_num_syms. */
function addressesBefore(numSyms: bigint, count: number): KallsymsTables['addresses'] {
  const relativeBase = numSyms - 8n;
  const none = { offsets: null, relativeBase: null, addresses: null };
  return [
    { ...none, relativeBase, offsets: relativeBase - BigInt(Math.ceil(count / 2) * 8) },
    { ...none, addresses: numSyms - BigInt(count * 8) },
  ];
}

/** Since 6.6, they follow kallsyms_token_index. */
function addressesAfter(start: bigint, count: number): KallsymsTables['addresses'] {
  const none = { offsets: null, relativeBase: null, addresses: null };
  return [
    { ...none, offsets: start, relativeBase: start + BigInt(Math.ceil(count / 2) * 8) },
    { ...none, addresses: start },
  ];
}
