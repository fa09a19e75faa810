// SPDX-License-Identifier: Apache-2.0
// Synthetic physical memory: frames, with page tables in them.
import { type Pfn, pfn } from '../../src/core/address.js';
import type { FrameGap, FrameSource } from '../../src/core/memory.js';

export const PAGE = 4096n;
export const PRESENT = 1n;
export const RW = 2n;
export const USER = 4n;
export const HUGE = 0x80n;
export const PROTNONE = 0x100n;
/** Flags of an ordinary entry that points to a table. */
export const TABLE = PRESENT | RW | USER | 0x60n;

/** Frames by number. A frame that was never written does not exist. */
export class PhysicalMemory implements FrameSource {
  readonly frames = new Map<number, Uint8Array>();
  /** Computes frames when they are read, for memory that is too large to store. */
  computed: ((frame: number) => Uint8Array | null) | null = null;
  readonly gaps = new Map<number, FrameGap>();
  #next: number;

  constructor(firstFree = 0x10000) {
    this.#next = firstFree;
  }

  /** Allocates consecutive frames of zeros. Returns the number of the first. */
  allocate(count = 1): number {
    const first = this.#next;
    this.#next += count;
    for (let i = 0; i < count; i++) this.frames.set(first + i, new Uint8Array(4096));
    return first;
  }

  write(address: bigint, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const at = address + BigInt(done);
      const frame = Number(at / PAGE);
      const inside = Number(at % PAGE);
      const page = this.frames.get(frame) ?? new Uint8Array(4096);
      this.frames.set(frame, page);
      const part = bytes.subarray(done, done + 4096 - inside);
      page.set(part, inside);
      done += part.length;
    }
  }

  writeU64(address: bigint, value: bigint): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
    this.write(address, bytes);
  }

  readU64(address: bigint): bigint {
    const page = this.frames.get(Number(address / PAGE));
    return page === undefined
      ? 0n
      : new DataView(page.buffer, page.byteOffset).getBigUint64(Number(address % PAGE), true);
  }

  frame(frame: Pfn): DataView | null {
    if (this.gaps.has(frame)) return null;
    const page = this.frames.get(frame) ?? this.computed?.(frame) ?? null;
    return page === null ? null : new DataView(page.buffer, page.byteOffset, 4096);
  }

  why(frame: Pfn): FrameGap {
    return this.gaps.get(frame) ?? { reason: 'outside', message: 'no such frame' };
  }
}

const SHIFTS = [12n, 21n, 30n, 39n, 48n];

/** Page tables in a physical memory. */
export class PageTables {
  readonly root: Pfn;

  constructor(
    readonly memory: PhysicalMemory,
    readonly levels: 4 | 5,
    /** Bits that are set in every entry (memory encryption). */
    readonly extra = 0n,
  ) {
    this.root = pfn(memory.allocate());
  }

  /** Physical address of the entry at a level for a virtual address; creates the tables above it. */
  entry(address: bigint, level: number): bigint {
    let table = BigInt(this.root) * PAGE;
    for (let at = this.levels - 1; ; at--) {
      const place = table + ((address >> (SHIFTS[at] as bigint)) & 511n) * 8n;
      if (at === level) return place;
      let value = this.memory.readU64(place);
      if (value === 0n) {
        value = (BigInt(this.memory.allocate()) * PAGE) | TABLE | this.extra;
        this.memory.writeU64(place, value);
      }
      table = value & 0xffffffffff000n & ~this.extra;
    }
  }

  /** Writes an entry at a level, unchanged. */
  set(address: bigint, level: number, value: bigint): void {
    this.memory.writeU64(this.entry(address, level), value);
  }

  /** Maps a page of 4 KiB (level 0), 2 MiB (1) or 1 GiB (2). */
  map(address: bigint, frame: number, level = 0, flags = TABLE): void {
    this.set(address, level, (BigInt(frame) * PAGE) | flags | (level > 0 ? HUGE : 0n) | this.extra);
  }
}

/** A PROT_NONE entry as written since the L1TF mitigation: with inverted frame bits. */
export const protNone = (frame: number, flags = 0x60n): bigint =>
  (~(BigInt(frame) * PAGE) & 0xffffffffff000n) | PROTNONE | flags;

/** A swap entry as written since the L1TF mitigation: type in bits 59 to 63, offset inverted in bits 9 to 58. */
export const swapEntry = (type: number, offset: bigint): bigint =>
  (BigInt(type) << 59n) | ((~offset & ((1n << 50n) - 1n)) << 9n);

/** The virtual address with these five indices. */
export const va = (p4d: number, pud: number, pmd: number, pte: number, pgd = 0) =>
  (((((BigInt(pgd) << 9n) + BigInt(p4d)) << 9n) + BigInt(pud)) << 30n) + (BigInt(pmd) << 21n) + (BigInt(pte) << 12n);
