// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import { pointerAt } from '../kernel/containers/pointer.js';
import type { Host } from '../kernel/host.js';
import type { NeededModule } from '../kernel/needs.js';
import type { Swap } from '../kernel/swap.js';
import { resolve, valuesOf } from '../types/fields.js';
import { describes, type TypeSource } from '../types/source.js';
import type { Stored } from './stored.js';
import {
  blockDeviceFields,
  gendiskFields,
  swapDeviceFields,
  zramEntryFields,
  zramFields,
  zramFlags,
} from './structs.js';
import type { SwapPosition } from './swap-entries.js';
import type { Zsmalloc } from './zsmalloc.js';

const ZRAM: NeededModule = {
  name: 'zram',
  title: 'zram',
  path: 'kernel/drivers/block/zram/zram.ko',
  marker: 'zram',
  builtIn: 'zram_devops',
  remedy: 'kernel-types',
};
/** SWP_BLKDEV (include/linux/swap.h): the area is a whole block device, so its pages are those of the device. */
const BLOCK_DEVICE = 1n << 6n;
/** Most algorithms (ZRAM_MAX_COMPS), and most bytes of the name of one (CRYPTO_MAX_ALG_NAME). */
const ALGORITHMS = 4;
const LONGEST_NAME = 128;

/** A zram device (drivers/block/zram/zram_drv.h). */
interface Device {
  readonly types: TypeSource;
  readonly address: bigint;
  readonly table: bigint;
  readonly pages: number;
  readonly flags: Flags;
}

/** Bits of the flags of a page by their names; the bits below the lowest are the size. */
interface Flags {
  readonly values: ReadonlyMap<string, number>;
  readonly lowest: number;
}

/** Pages of swap areas on zram devices. Methods throw `DumpError`. */
export class Zram {
  readonly #host: Host;
  readonly #swap: Swap;
  readonly #zsmalloc: Zsmalloc;
  readonly #devices = new Map<number, Device | DumpError | null>();

  constructor(host: Host, swap: Swap, zsmalloc: Zsmalloc) {
    this.#host = host;
    this.#swap = swap;
    this.#zsmalloc = zsmalloc;
  }

  /** What zram has for a place in swap; null if the area is not on zram, or if the device does not have the page. */
  find({ type, offset }: SwapPosition): Stored | null {
    const device = this.#deviceOf(type);
    if (device === null) return null;
    const { entry: at } = resolve(device.types, { entry: zramEntryFields });
    if (offset >= device.pages) throw new DumpError(`zram: the device does not have page ${offset}`);
    const entry = readOf(this.#host.memory, device.table + BigInt(offset * at.bytes), at.bytes, 'zram_table_entry');
    const flags = entry.unsigned(at.flags.offset, at.flags.size);
    return this.#stored(device, entry.u64(at.handle.offset), flags);
  }

  #stored(device: Device, handle: bigint, flags: bigint): Stored | null {
    const { lowest, values } = device.flags;
    const has = (name: string): boolean => {
      const bit = values.get(name);
      return bit !== undefined && ((flags >> BigInt(bit)) & 1n) === 1n;
    };
    const store = 'zram';
    if (has('ZRAM_SAME')) return { store, algorithm: null, size: 0, word: handle };
    if (has('ZRAM_WB')) throw new DumpError('zram: the page has been written back to the backing device');
    if (handle === 0n) return null;
    const size = Number(flags & ((1n << BigInt(lowest)) - 1n));
    if (size === 0 || size > PAGE_SIZE) throw new DumpError(`zram: a compressed page can't have ${size} bytes`);
    const read = (): Uint8Array => this.#zsmalloc.read(handle, size);
    if (size === PAGE_SIZE) return { store, algorithm: null, size, read };
    const index = (has('ZRAM_COMP_PRIORITY_BIT1') ? 1 : 0) + (has('ZRAM_COMP_PRIORITY_BIT2') ? 2 : 0);
    return { store, algorithm: this.#algorithm(device, index), size, read };
  }

  #algorithm({ types, address }: Device, index: number): string {
    const { memory } = this.#host;
    const { zram: at } = resolve(types, { zram: zramFields });
    const text = (from: bigint, most: number): string => readOf(memory, from, most, 'name of an algorithm').text();
    if (at.algorithm !== null) return text(address + BigInt(at.algorithm.offset), at.algorithm.size);
    if (at.algorithms === null || index >= ALGORITHMS) throw new DumpError("zram: its algorithm can't be found");
    return text(pointerAt(memory, address + BigInt(at.algorithms.offset + index * 8), 'zram'), LONGEST_NAME);
  }

  #deviceOf(type: number): Device | null {
    let device = this.#devices.get(type);
    if (device === undefined) {
      device = this.#open(type);
      this.#devices.set(type, device);
    }
    if (device instanceof DumpError) throw device;
    return device;
  }

  #open(type: number): Device | DumpError | null {
    try {
      const area = this.#swap.infoOf(type);
      return area === null ? null : this.#read(area);
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      return error;
    }
  }

  /** The zram device of a swap area; null if it is on another device. */
  #read(area: bigint): Device | null {
    const { memory, types: kernel, typesOf } = this.#host;
    const { flags, device: bdev, bytes } = resolve(kernel, { area: swapDeviceFields }).area;
    if (flags === null || bdev === null || !describes(kernel, 'gendisk')) return null;
    const at = resolve(kernel, { device: blockDeviceFields, disk: gendiskFields });
    const info = readOf(memory, area, bytes, 'swap_info_struct');
    const device = info.u64(bdev.offset);
    if ((info.u64(flags.offset) & BLOCK_DEVICE) === 0n || device === 0n) return null;
    const disk = pointerAt(memory, device + BigInt(at.device.disk.offset), 'block_device');
    const { name, private: data } = at.disk;
    if (!/^zram\d+$/.test(readOf(memory, disk + BigInt(name.offset), name.size, 'gendisk').text())) return null;
    const address = pointerAt(memory, disk + BigInt(data.offset), 'gendisk');
    return this.#zramAt(address, disk, typesOf(ZRAM));
  }

  #zramAt(address: bigint, disk: bigint, types: TypeSource): Device {
    const { zram: at } = resolve(types, { zram: zramFields, entry: zramEntryFields });
    const zram = readOf(this.#host.memory, address, at.bytes, 'zram');
    if (zram.u64(at.disk.offset) !== disk) throw zram.error(at.disk.offset, 'it is of another disk');
    const pages = Number(zram.u64(at.size.offset) / BigInt(PAGE_SIZE));
    return { types, address, table: zram.u64(at.table.offset), pages, flags: flagsOf(types) };
  }
}

function flagsOf(types: TypeSource): Flags {
  const values = valuesOf(types, zramFlags);
  const lowest = values === null ? undefined : [...values.values()][0];
  if (values !== null && lowest !== undefined) return { values, lowest };
  throw new DumpError(`type information (${types.source}) does not describe the flags of zram`, { code: 'no-types' });
}
