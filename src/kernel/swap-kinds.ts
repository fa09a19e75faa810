// SPDX-License-Identifier: Apache-2.0
// Which types of swap entries are not swap, and what they are instead.
import { orNull } from '../core/errors.js';
import type { Symbols } from '../symbols/cache.js';
import { resolveIfPresent, valuesOf } from '../types/fields.js';
import type { TypeSource } from '../types/source.js';
import type { Host } from './host.js';
import { pageFlags } from './structs.js';
import { folioFields, moduleMemoryFields } from './swap-structs.js';

/** Range of MAX_SWAPFILES in all configurations (include/linux/swap.h). */
const FEWEST = 16;
const MOST = 31;
export const POINTER = 8;

/** Meaning of the type of a swap entry. */
export type SwapKind =
  | 'swap'
  | 'hwpoison'
  | 'migration'
  | 'device-private'
  | 'device-exclusive'
  | 'marker'
  | 'swapin-error'
  | 'unknown';

/**
 * The kinds of the types from MAX_SWAPFILES to 31, in the order HWPOISON, MIGRATION, DEVICE, PTE_MARKER, SWAPIN_ERROR.
 * MAX_SWAPFILES is the length of swap_info, which follows from the distance to the next symbol. Which groups a kernel
 * has follows from the number of types that are left. Empty if the distance is not plausible.
 */
export function specialsOf(host: Host): SwapKind[] {
  const { symbols, types, log } = host;
  const files = lengthOf(symbols, 'swap_info', strideOf(host));
  // Another array with as many elements: if one of them is followed by padding, the lengths differ.
  const witness = lengthOf(symbols, 'zswap_trees', POINTER) ?? files;
  if (files === null || files !== witness || files < FEWEST || files > MOST) {
    log.found(`swap: the number of swap types is not known (${files ?? '?'}, ${witness ?? '?'})`);
    return [];
  }
  const flags = valuesOf(types, pageFlags);
  if (flags === null) {
    log.warn('swap: it is not known which entry types are special: no source of types has enum pageflags');
    return repeat('unknown', 32 - files);
  }
  const tails = flags.has('PG_anon_exclusive') ? tailsWithMarkers(types) : [[], DEVICE[2], DEVICE[4]];
  const head = headOf(flags);
  const tail = tails.find(({ length }) => files + head.length + length === 32);
  if (tail !== undefined) return [...head, ...tail];
  log.warn(`swap: it is not known what the ${32 - files} special entry types mean`);
  return repeat('unknown', 32 - files);
}

/** Number of elements of an array, from the distance to the next symbol; null if that is not known. */
export const lengthOf = (symbols: Symbols, name: string, stride: number): number | null =>
  orNull(() => {
    const start = symbols.get(name);
    const next = start === undefined ? null : symbols.table.next(start);
    return start === undefined || next === null ? null : Math.floor(Number(next - start) / stride);
  });

/** Bytes per element of swap_info. It is an array of structures if it is far too long for an array of pointers. */
export function strideOf({ symbols, types }: Host): number {
  const bytes = types.sizeOf('swap_info_struct');
  const pointers = lengthOf(symbols, 'swap_info', POINTER);
  return bytes !== null && pointers !== null && pointers >= FEWEST * (bytes / POINTER) ? bytes : POINTER;
}

const repeat = (kind: SwapKind, count: number): SwapKind[] => new Array<SwapKind>(count).fill(kind);

/** Migration has three types since 5.19 (PG_anon_exclusive), two before. */
const headOf = (flags: ReadonlyMap<string, number>): SwapKind[] => [
  ...repeat('hwpoison', flags.has('PG_hwpoison') ? 1 : 0),
  ...repeat('migration', flags.has('PG_anon_exclusive') ? 3 : 2),
];

/** Device memory has 2 types up to 5.13, 4 up to 6.12, then 3. */
const DEVICE = {
  2: repeat('device-private', 2),
  3: [...repeat('device-private', 2), 'device-exclusive'],
  4: [...repeat('device-private', 2), ...repeat('device-exclusive', 2)],
} as const satisfies Record<number, readonly SwapKind[]>;

/** Since 6.6 there is always a marker. From 5.19 to 6.5 it is optional, and up to 6.1 there is SWAPIN_ERROR. */
const ALWAYS: readonly (readonly SwapKind[])[] = [['marker'], [...DEVICE[3], 'marker'], [...DEVICE[4], 'marker']];
const OPTIONAL: readonly (readonly SwapKind[])[] = [
  [],
  // Or only SWAPIN_ERROR: either way there is no page.
  ['marker'],
  ['marker', 'swapin-error'],
  DEVICE[4],
  [...DEVICE[4], 'marker'],
  [...DEVICE[4], 'marker', 'swapin-error'],
];

/** Possible tails since 5.19; if the version is not known, those that mean the same before and after 6.6. */
function tailsWithMarkers(types: TypeSource): readonly (readonly SwapKind[])[] {
  const hasMemory = resolveIfPresent(types, moduleMemoryFields)?.memory;
  if (hasMemory === null) return OPTIONAL;
  const folio = resolveIfPresent(types, folioFields);
  if (hasMemory !== undefined && folio !== null) return folio.destructor === null ? ALWAYS : OPTIONAL;
  return OPTIONAL.filter((one) => ALWAYS.some((other) => one.length === other.length && one.at(-1) === other.at(-1)));
}
