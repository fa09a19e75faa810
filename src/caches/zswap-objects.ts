// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import { pointerAt } from '../kernel/containers/pointer.js';
import type { Host } from '../kernel/host.js';
import { resolveIfPresent } from '../types/fields.js';
import { zswapHeaderFields } from './structs.js';
import type { Zsmalloc } from './zsmalloc.js';

/** Objects of zbud and z3fold begin at multiples of this in their page (CHUNK_SIZE). */
const CHUNK = 64;
const HEADER = 8;
const PAGE = BigInt(PAGE_SIZE);

/**
 * Reads objects of zswap from the allocators that it can use. Up to v6.5 an object of an allocator that can write pages back
 * begins with the page's place in swap (struct zswap_header).
 */
export class ZswapObjects {
  readonly #host: Host;
  readonly #zsmalloc: Zsmalloc;

  constructor(host: Host, zsmalloc: Zsmalloc) {
    this.#host = host;
    this.#zsmalloc = zsmalloc;
  }

  /** The bytes of an object. `entry`: the page's swap entry. Throws `DumpError` if they can't be read. */
  read(allocator: string, handle: bigint, size: number, entry: bigint): Uint8Array {
    const hasHeader = resolveIfPresent(this.#host.types, zswapHeaderFields) !== null;
    switch (allocator) {
      case 'zsmalloc':
        return this.#fromZsmalloc(handle, size, hasHeader ? entry : null);
      case 'zbud':
        // The handle is the address of the object (mm/zbud.c, encode_handle).
        return this.#at(handle, size, hasHeader ? entry : null);
      case 'z3fold':
        return this.#fromZ3fold(handle, size, hasHeader ? entry : null);
      default:
        throw new DumpError(`objects of the allocator '${allocator}' can't be read`);
    }
  }

  /** zsmalloc could write pages back from v6.2 to v6.4 only, so its objects have a header if they begin with the entry. */
  #fromZsmalloc(handle: bigint, size: number, entry: bigint | null): Uint8Array {
    const bytes = this.#zsmalloc.read(handle, size);
    if (entry === null || size < HEADER || !startsWith(bytes, 0, entry)) return bytes;
    return this.#zsmalloc.read(handle, size + HEADER).subarray(HEADER);
  }

  #at(address: bigint, size: number, entry: bigint | null): Uint8Array {
    const header = entry === null ? 0 : HEADER;
    const bytes = this.#bytes(address, header + size);
    if (entry !== null && !startsWith(bytes, 0, entry))
      throw new DumpError(`object of zswap at 0x${address.toString(16)}: it does not name its place in swap`);
    return bytes.subarray(header);
  }

  /**
   * mm/z3fold.c, __encode_handle: the handle is the address of a page with one object, with bit 0 set, or that of a word with
   * the address of the page. In that page the object is found by its header.
   */
  #fromZ3fold(handle: bigint, size: number, entry: bigint | null): Uint8Array {
    if ((handle & 1n) === 1n) return this.#at(handle & ~(PAGE - 1n), size, entry);
    if (entry === null) throw new DumpError("objects of z3fold can't be found in this kernel");
    const address = pointerAt(this.#host.memory, handle, 'handle of z3fold') & ~(PAGE - 1n);
    const page = this.#bytes(address, PAGE_SIZE);
    const found: number[] = [];
    for (let at = CHUNK; at < PAGE_SIZE; at += CHUNK) if (startsWith(page, at, entry)) found.push(at);
    const [start, another] = found;
    if (start === undefined || another !== undefined || start + HEADER + size > PAGE_SIZE)
      throw new DumpError(
        `page of z3fold at 0x${address.toString(16)}: ${found.length} objects name the place in swap`,
      );
    return page.subarray(start + HEADER, start + HEADER + size);
  }

  #bytes(address: bigint, length: number): Uint8Array {
    const { view } = readOf(this.#host.memory, address, length, 'object of zswap');
    return new Uint8Array(view.buffer, view.byteOffset, length).slice();
  }
}

const startsWith = (bytes: Uint8Array, at: number, word: bigint): boolean =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(at, true) === word;
