// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import { resolve, resolveIfPresent } from '../types/fields.js';
import { pointerAt } from './containers/pointer.js';
import { Files } from './files.js';
import type { Host } from './host.js';
import { POINTER, type SwapKind, specialsOf, strideOf } from './swap-kinds.js';
import { nodeListsFields, numaEraFields, swapInfoFields } from './swap-structs.js';

/** A swap entry's type has five bits. */
const TYPES = 32;
/** Every kernel up to 7.3 leaves at least this many types to real swap, whatever its configuration. */
const ALWAYS_SWAP = 22;

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
  /** By type: an area, null for none, and what can't be read; undefined until it is asked for. */
  readonly #areas = new Array<Area | null | 'unreadable' | undefined>(TYPES).fill(undefined);

  /** Whether entries without the L1TF fix have the form of 4.8 and later; null where that is not known. */
  readonly late: boolean | null;
  /** Bytes from one element of swap_info to the next: pointers, or in 2.6.32 the structures themselves; null: not known. */
  readonly #stride: number | null;

  constructor(host: Host) {
    this.#host = host;
    this.#specials = known(host);
    this.late = orNull(() => isLate(host));
    this.#stride = orNull(() => strideOf(host));
  }

  /** What an entry of this type and offset is. Swap is only what lies inside an area that the host has. */
  kindOf(type: number, offset: number): SwapKind {
    if (this.#specials.length === 0 && type >= ALWAYS_SWAP) return 'unknown';
    // An index below 0 would be looked for as a name.
    const special = type - (TYPES - this.#specials.length);
    if (special >= 0) return this.#specials[special] as SwapKind;
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
    const known = this.#areas[type];
    if (known !== undefined) return known;
    const area = this.#read(type);
    this.#areas[type] = area;
    return area;
  }

  #read(type: number): Area | null | 'unreadable' {
    const { memory, symbols, types } = this.#host;
    return this.#optional(type, 'unreadable', () => {
      const table = symbols.get('swap_info');
      if (table === undefined || this.#stride === null) return 'unreadable';
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
      this.#host.log.warn(`swap area ${type}: ${error.message}`, error);
      return without;
    }
  }
}

/** Null where it is not known: without struct pglist_data, and where NUMA balancing moved offsets. */
function isLate({ types }: Host): boolean | null {
  const node = resolveIfPresent(types, nodeListsFields);
  const mm = resolveIfPresent(types, numaEraFields);
  if (node === null || mm === null) return null;
  return mm.since !== null && mm.until === null && mm.balancing !== null ? null : node.lruvec !== null;
}

/** Whatever stands in the way of knowing is said, and costs no more than these answers. */
function known(host: Host): readonly SwapKind[] {
  try {
    return specialsOf(host);
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    host.log.warn(`swap: which entry types are special is not known: ${error.message}`, error);
    return [];
  }
}
