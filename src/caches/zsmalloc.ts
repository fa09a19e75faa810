// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, type Pfn, pfn } from '../core/address.js';
import { DumpError, orNull } from '../core/errors.js';
import type { FrameSource } from '../core/memory.js';
import { pointerAt } from '../kernel/containers/pointer.js';
import type { Host } from '../kernel/host.js';
import { resolve } from '../types/fields.js';
import type { Folios } from './folios.js';
import { zsmallocPageFields } from './structs.js';

/** Mark of objects that are in use, at the start of each (OBJ_ALLOCATED_TAG, mm/zsmalloc.c). */
const ALLOCATED = 1n;
/** Sizes of objects, and so their places, are multiples of this (ZS_SIZE_CLASS_DELTA). */
const STEP = 16;
const HEADER = 8;
/**
 * Lowest bit of the frame in the value of an object: frames have 40 bits (MAX_POSSIBLE_PHYSMEM_BITS is 52), 34 in kernels
 * before 5-level page tables.
 */
const FRAME_SHIFTS = [24n, 30n] as const;

/**
 * Reads objects of zsmalloc, the allocator of compressed pages. An object begins with its handle, by which it is found in its
 * page: neither the size of its class nor the layout of the allocator is needed.
 */
export class Zsmalloc {
  readonly #host: Host;
  readonly #folios: Folios;

  constructor(host: Host, folios: Folios) {
    this.#host = host;
    this.#folios = folios;
  }

  /** The first `length` bytes of an object. Throws `DumpError` if they can't be read. */
  read(handle: bigint, length: number): Uint8Array {
    const object = pointerAt(this.#host.memory, handle, 'handle of zsmalloc');
    const header = handle | ALLOCATED;
    let problem: DumpError | null = null;
    for (const shift of FRAME_SHIFTS) {
      try {
        return this.#read(pfn(Number(object >> shift)), header, length);
      } catch (error) {
        if (!(error instanceof DumpError)) throw error;
        problem ??= error;
      }
    }
    throw problem as DumpError;
  }

  #read(frame: Pfn, header: bigint, length: number): Uint8Array {
    const page = pageOf(this.#host.frames, frame);
    const place = placeOf(page, header);
    const bytes = new Uint8Array(length);
    if (place === null) {
      // An object that fills a page does not have a header; struct page has its handle.
      const { index } = this.#words(frame);
      if (index !== header || length > PAGE_SIZE)
        throw new DumpError(
          `page 0x${frame.toString(16)} of zsmalloc: it does not have the object of 0x${header.toString(16)}`,
        );
      bytes.set(new Uint8Array(page.buffer, page.byteOffset, length));
      return bytes;
    }
    const first = Math.min(length, PAGE_SIZE - place);
    bytes.set(new Uint8Array(page.buffer, page.byteOffset + place, first));
    if (first < length) {
      const rest = pageOf(this.#host.frames, this.#after(frame));
      bytes.set(new Uint8Array(rest.buffer, rest.byteOffset, Math.min(length - first, PAGE_SIZE)), first);
    }
    return bytes;
  }

  /**
   * The next page of a zspage, a group of pages with objects of one size. It is in page->index since v5.17, before in
   * page->freelist. All pages of a zspage point to it.
   */
  #after(frame: Pfn): Pfn {
    const { index, freelist, zspage } = this.#words(frame);
    for (const next of [index, freelist]) {
      const found = next === null ? null : this.#folios.frameOf(next);
      if (found !== null && orNull(() => this.#words(found))?.zspage === zspage) return found;
    }
    throw new DumpError(`page 0x${frame.toString(16)} of zsmalloc: the page after it is not known`);
  }

  #words(frame: Pfn): { index: bigint; freelist: bigint | null; zspage: bigint } {
    const { page: at } = resolve(this.#host.types, { page: zsmallocPageFields });
    const bytes = this.#folios.bytesOf(this.#folios.addressOf(frame));
    return {
      index: bytes.u64(at.index.offset),
      freelist: at.freelist === null ? null : bytes.u64(at.freelist.offset),
      zspage: bytes.u64(at.private.offset),
    };
  }
}

/**
 * Where the bytes of an object begin, after its header; null if the page does not have it. Throws `DumpError` if there are
 * two: one is left over from what the page had before.
 */
function placeOf(page: DataView, header: bigint): number | null {
  const [low, high] = [Number(header & 0xffffffffn), Number(header >> 32n)];
  let found: number | null = null;
  for (let at = 0; at < PAGE_SIZE; at += STEP) {
    if (page.getUint32(at, true) !== low || page.getUint32(at + 4, true) !== high) continue;
    if (found !== null)
      throw new DumpError(`zsmalloc: two objects have the handle 0x${(header - ALLOCATED).toString(16)}`);
    found = at + HEADER;
  }
  return found;
}

function pageOf(frames: FrameSource, frame: Pfn): DataView {
  const page = frames.frame(frame);
  if (page !== null) return page;
  const { message, remedies } = frames.why(frame);
  throw new DumpError(`page 0x${(frame * PAGE_SIZE).toString(16)} of zsmalloc: ${message}`, {
    code: 'not-in-dump',
    remedies: remedies ?? [],
  });
}
