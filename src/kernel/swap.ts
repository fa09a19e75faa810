// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import type { Symbols } from '../symbols/cache.js';
import { resolve, resolveIfPresent } from '../types/fields.js';
import { Files } from './files.js';
import type { Host } from './host.js';
import { pointerAt } from './pointers.js';
import { nodeListsFields, swapInfoFields } from './structs.js';

/** MAX_SWAPFILES lies between these in every configuration (include/linux/swap.h). */
const FEWEST = 16;
const MOST = 31;
/** Every kernel up to 7.3 leaves at least this many types to real swap, whatever its configuration. */
const ALWAYS_SWAP = 22;

/** What the type of a swap entry stands for. */
export type SwapKind =
  | 'swap'
  | 'hwpoison'
  | 'migration'
  | 'device-private'
  | 'device-exclusive'
  | 'marker'
  | 'swapin-error'
  | 'unknown';

/** A swap area: how many pages it has, the header included, and the device or file behind it. */
interface Area {
  readonly pages: number;
  /** Null when it can't be read. */
  readonly device: string | null;
}

/** The swap areas of a host, and which entry types are none. */
export class Swap {
  readonly #host: Host;
  readonly #specials: readonly SwapKind[];
  /** By type: an area, null for none, and what can't be read. */
  readonly #areas = new Map<number, Area | null | 'unreadable'>();

  /** Whether entries without the L1TF fix have the form of 4.8 and later; null where that is not known. */
  readonly late: boolean | null;
  /** Bytes from one element of swap_info to the next: pointers, or in 2.6.32 the structures themselves. */
  readonly #stride: number;

  constructor(host: Host) {
    this.#host = host;
    this.#specials = known(host);
    const node = resolveIfPresent(host.types, nodeListsFields);
    this.late = node === null ? null : node.lruvec !== null;
    this.#stride = strideOf(host);
  }

  /** What an entry of this type and offset is. Swap is only what lies inside an area that the host has. */
  kindOf(type: number, offset: number): SwapKind {
    if (this.#specials.length === 0 && type >= ALWAYS_SWAP) return 'unknown';
    const special = this.#specials[type - (32 - this.#specials.length)];
    if (special !== undefined) return special;
    const area = this.#area(type);
    if (area === 'unreadable') return 'swap';
    return area !== null && offset < area.pages ? 'swap' : 'unknown';
  }

  /** Path of the device or file behind a swap type; null when it can't be read. */
  device(type: number): string | null {
    const area = this.#area(type);
    return area === null || area === 'unreadable' ? null : area.device;
  }

  #area(type: number): Area | null | 'unreadable' {
    let area = this.#areas.get(type);
    if (area === undefined) {
      area = this.#read(type);
      this.#areas.set(type, area);
    }
    return area;
  }

  #read(type: number): Area | null | 'unreadable' {
    const { memory, symbols, types } = this.#host;
    const table = symbols.get('swap_info');
    if (table === undefined) return 'unreadable';
    return this.#optional(type, 'unreadable', () => {
      const place = table + BigInt(type * this.#stride);
      const info = this.#stride === POINTER ? pointerAt(memory, place, 'swap_info') : place;
      if (info === 0n) return null;
      const { area } = resolve(types, { area: swapInfoFields });
      const bytes = readOf(memory, info, area.bytes, 'struct swap_info_struct');
      const file = bytes.u64(area.file.offset);
      if (file === 0n) return null;
      const device = this.#optional(type, null, () => new Files(this.#host).pathOf(file));
      return { pages: bytes.u32(area.max.offset), device };
    });
  }

  #optional<T, E>(type: number, without: E, work: () => T): T | E {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      this.#host.log.warn(`swap area ${type}: ${error.message}`);
      return without;
    }
  }
}

/** Whatever stands in the way of knowing is said, and costs no more than these answers. */
function known(host: Host): readonly SwapKind[] {
  try {
    return specialsOf(host);
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    host.log.warn(`swap: which entry types are special is not known: ${error.message}`);
    return [];
  }
}

/**
 * The kinds of the types from MAX_SWAPFILES to 31, in their order HWPOISON, MIGRATION, DEVICE, PTE_MARKER,
 * SWAPIN_ERROR. MAX_SWAPFILES is the length of swap_info, so the distance to the next symbol; which groups a kernel
 * has follows from how many types are left. Empty when the distance makes no sense.
 */
function specialsOf(host: Host): SwapKind[] {
  const { symbols, types, log } = host;
  const files = lengthOf(symbols, 'swap_info', strideOf(host));
  // Another array of as many elements: padding behind one of them would tell.
  const witness = lengthOf(symbols, 'zswap_trees', POINTER) ?? files;
  if (files === null || files !== witness || files < FEWEST || files > MOST) {
    log.found(`swap: the number of swap types is not known (${files ?? '?'}, ${witness ?? '?'})`);
    return [];
  }
  const flags = types.enumerators('pageflags');
  if (flags === null) {
    log.warn('swap: which entry types are special is not known, no source of types has enum pageflags');
    return new Array<SwapKind>(32 - files).fill('unknown');
  }
  const kinds = kindsFor(32 - files, flags.has('PG_hwpoison'), flags.has('PG_anon_exclusive'));
  if (kinds === null) log.warn(`swap: ${32 - files} special entry types, an unknown mixture`);
  return kinds ?? new Array<SwapKind>(32 - files).fill('unknown');
}

/** Elements of an array: the distance to the next symbol. */
function lengthOf(symbols: Symbols, name: string, stride: number): number | null {
  const start = symbols.get(name);
  const next = start === undefined ? null : symbols.table.next(start);
  return start === undefined || next === null ? null : Math.floor(Number(next - start) / stride);
}

const POINTER = 8;

/** swap_info is an array of structures if it is far too long for one of pointers. */
function strideOf({ symbols, types }: Host): number {
  const bytes = types.sizeOf('swap_info_struct');
  const pointers = lengthOf(symbols, 'swap_info', POINTER);
  return bytes !== null && pointers !== null && pointers >= FEWEST * (bytes / POINTER) ? bytes : POINTER;
}

const repeat = (kind: SwapKind, count: number): SwapKind[] => new Array<SwapKind>(count).fill(kind);

/**
 * The mixture of groups that gives `count` types. Since 5.19 (PG_anon_exclusive) migration takes three types and
 * markers exist (6.1: together with SWAPIN_ERROR); device memory takes 2 up to 5.13, 4 up to 6.12, then 3.
 */
function kindsFor(count: number, hwpoison: boolean, exclusive: boolean): SwapKind[] | null {
  const head = [...repeat('hwpoison', hwpoison ? 1 : 0), ...repeat('migration', exclusive ? 3 : 2)];
  const device = {
    0: [],
    2: repeat('device-private', 2),
    3: [...repeat('device-private', 2), 'device-exclusive'],
    4: [...repeat('device-private', 2), ...repeat('device-exclusive', 2)],
  } as const satisfies Record<number, readonly SwapKind[]>;
  const tails: readonly (readonly SwapKind[])[] = exclusive
    ? [
        [],
        ['marker'],
        ['marker', 'swapin-error'],
        [...device[3], 'marker'],
        [...device[4], 'marker'],
        [...device[4], 'marker', 'swapin-error'],
      ]
    : [[], device[2], device[4]];
  const tail = tails.find(({ length }) => head.length + length === count);
  return tail === undefined ? null : [...head, ...tail];
}
