// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import { resolve, resolveIfPresent } from '../types/fields.js';
import { pointerAt } from './containers/pointer.js';
import { Files } from './files.js';
import type { Host } from './host.js';
import { POINTER, type SwapKind, specialsOf, strideOf } from './swap-kinds.js';
import { nodeListsFields, numaEraFields, swapInfoFields } from './swap-structs.js';

/** Number of types that a swap entry can have: the field has five bits. */
const TYPES = 32;
/** Least number of types for real swap, in all kernels up to 7.3 and all configurations. */
const ALWAYS_SWAP = 22;

/** A swap area: its size in pages, header included, and the path of its device or file. */
interface Area {
  /** Address of its swap_info_struct. */
  readonly address: bigint;
  readonly pages: number;
  /** Null if it can't be read. */
  readonly device: string | null;
}

/** The swap areas of a host, and the meaning of swap entry types. */
export class Swap {
  readonly #host: Host;
  readonly #specials: readonly SwapKind[];
  /** By type: an area; null if there is none; undefined until it is looked up. */
  readonly #areas = new Array<Area | null | 'unreadable' | undefined>(TYPES).fill(undefined);

  /** Whether entries without the L1TF fix have the form of 4.8 and later; null if unknown. */
  readonly late: boolean | null;
  /** Bytes per element of swap_info: pointers, or in 2.6.32 the structures themselves; null if unknown. */
  readonly #stride: number | null;

  constructor(host: Host) {
    this.#host = host;
    this.#specials = known(host);
    this.late = orNull(() => isLate(host));
    this.#stride = orNull(() => strideOf(host));
  }

  /** The kind of an entry. It is `swap` only if the offset is inside a swap area of the host. */
  kindOf(type: number, offset: number): SwapKind {
    if (this.#specials.length === 0 && type >= ALWAYS_SWAP) return 'unknown';
    // V8 would look up a negative index as a property name, which is slow.
    const special = type - (TYPES - this.#specials.length);
    if (special >= 0) return this.#specials[special] as SwapKind;
    const area = this.#area(type);
    if (area === 'unreadable') return 'swap';
    return area !== null && offset < area.pages ? 'swap' : 'unknown';
  }

  /** Path of the device or file of a swap type; null if there is none, or it can't be read. */
  device(type: number): string | null {
    const area = this.#area(type);
    return area === null || area === 'unreadable' ? null : area.device;
  }

  /** Address of the swap_info_struct of a type; null if there is none. Throws `DumpError` if it can't be read. */
  infoOf(type: number): bigint | null {
    const area = this.#area(type);
    if (area === 'unreadable') throw new DumpError(`swap area ${type} can't be read`);
    return area?.address ?? null;
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
      return { address: info, pages: bytes.u32(area.max.offset), device };
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

/** Whether entries have the form of 4.8 and later; null if that is not known. */
function isLate({ types }: Host): boolean | null {
  const node = resolveIfPresent(types, nodeListsFields);
  const mm = resolveIfPresent(types, numaEraFields);
  if (node === null || mm === null) return null;
  // NUMA balancing moved offsets.
  return mm.since !== null && mm.until === null && mm.balancing !== null ? null : node.lruvec !== null;
}

/** The special types. If they can't be determined, warns and returns none: such entries are then `unknown`. */
function known(host: Host): readonly SwapKind[] {
  try {
    return specialsOf(host);
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    host.log.warn(`swap: it is not known which entry types are special: ${error.message}`, error);
    return [];
  }
}
