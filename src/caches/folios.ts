// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, type Pfn, pfn } from '../core/address.js';
import { Bytes } from '../core/bytes.js';
import { DumpError } from '../core/errors.js';
import { isUnreadable, readOf } from '../core/memory.js';
import type { Host } from '../kernel/host.js';
import { vmemmapOf } from '../kernel/page.js';
import { pageFlags } from '../kernel/structs.js';
import { type Resolved, resolve, valuesOf } from '../types/fields.js';
import { cachedPageFields } from './structs.js';

/** The words of a struct page. In a tail page, only `address`, `flags` and `head` mean what their names say. */
export interface StructPage {
  readonly address: bigint;
  readonly flags: bigint;
  readonly mapping: bigint;
  readonly index: bigint;
  readonly private: bigint;
  readonly count: number;
  /** Address of the struct page of the head; its own if it is not a tail page. */
  readonly head: bigint;
}

/** Bits of page->flags, each as a mask; 0 for one that is not known. */
export interface FlagMasks {
  readonly uptodate: bigint;
  readonly swapcache: bigint;
  readonly tail: bigint;
}

/** Frames have 40 bits: physical addresses have 52. */
const FRAMES = 1n << 40n;
const PAGE = BigInt(PAGE_SIZE);

/** Reads the struct pages that caches point to. Methods throw `DumpError` if they can't be read. */
export class Folios {
  readonly flags: FlagMasks;
  readonly #host: Host;
  readonly #at: Resolved<typeof cachedPageFields>;
  readonly #vmemmap: bigint;
  readonly #bytes: bigint;
  /** The last page of vmemmap that was read: struct pages that follow each other are on the same. */
  #page = -1n;
  #view: DataView | null = null;

  constructor(host: Host) {
    this.#host = host;
    this.#at = resolve(host.types, { page: cachedPageFields }).page;
    this.#vmemmap = vmemmapOf(host);
    this.#bytes = BigInt(this.#at.bytes);
    const values = valuesOf(host.types, pageFlags);
    const mask = (name: string): bigint => {
      const bit = values?.get(name) ?? host.info.number(name);
      return bit === null ? 0n : 1n << BigInt(bit);
    };
    this.flags = { uptodate: mask('PG_uptodate'), swapcache: mask('PG_swapcache'), tail: mask('PG_tail') };
  }

  /** The frame whose struct page is at an address; null if there is none. */
  frameOf(address: bigint): Pfn | null {
    const distance = address - this.#vmemmap;
    const frame = distance / this.#bytes;
    if (distance < 0n || frame >= FRAMES || frame * this.#bytes !== distance) return null;
    return pfn(Number(frame));
  }

  /** Address of a frame's struct page. */
  addressOf(frame: number): bigint {
    return this.#vmemmap + BigInt(frame) * this.#bytes;
  }

  read(address: bigint): StructPage {
    const at = this.#at;
    this.knownFrame(address);
    const bytes = this.bytesOf(address);
    const flags = bytes.u64(at.flags.offset);
    return {
      address,
      flags,
      mapping: bytes.u64(at.mapping.offset),
      index: bytes.u64(at.index.offset),
      private: bytes.u64(at.private.offset),
      count: bytes.i32(at.count.offset),
      head: this.#headOf(address, flags, bytes),
    };
  }

  /** The head of a page that a cache has: of a tail page another page, which must be a head. */
  headOf(page: StructPage): StructPage {
    if (page.head === page.address) return page;
    const head = this.read(page.head);
    if (head.head !== head.address || head.address > page.address)
      throw this.error(page.address, `the head of its compound page can't be at 0x${page.head.toString(16)}`);
    return head;
  }

  /** The frame of the struct page at an address. Throws `DumpError` if there is none. */
  knownFrame(address: bigint): Pfn {
    const frame = this.frameOf(address);
    if (frame === null) throw this.error(address, 'there is no struct page at this address');
    return frame;
  }

  error(address: bigint, problem: string): DumpError {
    return new DumpError(`struct page at 0x${address.toString(16)}: ${problem}`);
  }

  /** The form of the link to the head differs between kernels (include/linux/page-flags.h, compound_head). */
  #headOf(address: bigint, flags: bigint, bytes: Bytes): bigint {
    const { compoundHead, compoundInfo, firstPage } = this.#at;
    const link = compoundHead ?? compoundInfo;
    if (link === null) {
      const isTail = firstPage !== null && (flags & this.flags.tail) !== 0n;
      return isTail ? bytes.u64(firstPage.offset) : address;
    }
    const word = bytes.u64(link.offset);
    if ((word & 1n) === 0n) return address;
    // Since 7.1 it can be a mask, whose upper bits are all set, which makes the address of the head from that of the tail.
    return compoundHead === null && word >> 32n === 0xffffffffn ? address & word : word - 1n;
  }

  /** The bytes of the struct page at an address. */
  bytesOf(address: bigint): Bytes {
    const { memory } = this.#host;
    const [page, offset] = [address / PAGE, Number(address % PAGE)];
    if (offset + this.#at.bytes > PAGE_SIZE) return readOf(memory, address, this.#at.bytes, 'struct page');
    if (page !== this.#page || this.#view === null) {
      const whole = memory.read(page * PAGE, PAGE_SIZE);
      // Why it can't be read is about the struct page, not about the page that it is on.
      if (isUnreadable(whole)) return readOf(memory, address, this.#at.bytes, 'struct page');
      this.#page = page;
      this.#view = whole.view;
    }
    const { buffer, byteOffset } = this.#view;
    return new Bytes(new DataView(buffer, byteOffset + offset, this.#at.bytes), {
      source: 'struct page',
      offset: address,
    });
  }
}
