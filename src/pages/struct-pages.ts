// SPDX-License-Identifier: Apache-2.0
import { isUnreadable, type Memory, type Unreadable } from '../core/memory.js';
import type { MemMap, Section } from './memmap.js';

/** Frames whose struct pages are read at a time: of 64 bytes each, they are one page of vmemmap. */
const CHUNK = 64;
/** Chunks that are kept: a power of 2. */
const KEPT = 256;

/** The struct pages of a chunk. */
interface Chunk {
  readonly number: number;
  readonly section: Section;
  readonly view: DataView;
  /** Virtual page and byte in it of the first struct page. */
  readonly page: number;
  readonly offset: number;
  /** By frame of the chunk: why its struct page is missing. Null if all are there. */
  readonly gaps: readonly (Unreadable | null)[] | null;
}

/** Whether a frame's struct page was found: `none`, the frame does not have one; `missing`, the dump does not have it. */
export type Found = 'there' | 'none' | 'missing';

/**
 * Reads struct pages, many at a time. It is a cursor: after `find` its members describe the struct page of that frame.
 * The bytes stay valid.
 */
export class StructPages {
  /** The bytes that contain the struct page, at `at`. The struct pages of frames up to 64-aligned borders follow. */
  view: DataView = EMPTY;
  at = 0;
  /** Virtual page of the struct page, and byte in it. */
  page = 0;
  offset = 0;
  /** Its section; null if it does not have a struct page. */
  section: Section | null = null;
  /** Why the struct page is missing. */
  gap: Unreadable | null = null;
  readonly #kept = new Array<Chunk | undefined>(KEPT);

  constructor(
    readonly memory: Memory,
    readonly map: MemMap,
    /** Size of struct page. */
    readonly bytes: number,
  ) {}

  find(frame: number): Found {
    const section = this.map.sectionOf(frame);
    this.section = section;
    if (section === null) return 'none';
    const chunk = this.#chunk(Math.floor(frame / CHUNK), section);
    const index = frame % CHUNK;
    const from = chunk.offset + index * this.bytes;
    this.view = chunk.view;
    this.at = index * this.bytes;
    this.page = chunk.page + (from >>> 12);
    this.offset = from & 0xfff;
    if (chunk.gaps === null) return 'there';
    this.gap = chunk.gaps[index] ?? null;
    if (this.gap === null) return 'there';
    // A part of the memory map that is not mapped: these frames are a hole.
    return this.gap.reason === 'unmapped' ? 'none' : 'missing';
  }

  /** Drops what was read, for memory that changes. */
  forget(): void {
    this.#kept.fill(undefined);
  }

  #chunk(number: number, section: Section): Chunk {
    const slot = number & (KEPT - 1);
    const known = this.#kept[slot];
    if (known?.number === number) return known;
    const address = section.base + BigInt(number * CHUNK * this.bytes);
    const chunk = {
      number,
      section,
      page: Number(BigInt.asUintN(64, address) >> 12n),
      offset: Number(address & 0xfffn),
      ...this.#read(address),
    };
    this.#kept[slot] = chunk;
    return chunk;
  }

  #read(address: bigint): Pick<Chunk, 'view' | 'gaps'> {
    const whole = this.memory.read(address, CHUNK * this.bytes);
    if (!isUnreadable(whole)) return { view: whole.view, gaps: null };
    if ((address & 0xfffn) + BigInt(CHUNK * this.bytes) <= 0x1000n)
      return { view: EMPTY, gaps: new Array<Unreadable>(CHUNK).fill(whole) };
    // One page that is missing holds the struct pages of a part of the chunk only.
    const bytes = new Uint8Array(CHUNK * this.bytes);
    const gaps = Array.from({ length: CHUNK }, (_, i) => {
      const one = this.memory.read(address + BigInt(i * this.bytes), this.bytes);
      if (isUnreadable(one)) return one;
      bytes.set(one.array(), i * this.bytes);
      return null;
    });
    return { view: new DataView(bytes.buffer), gaps };
  }
}

const EMPTY = new DataView(new ArrayBuffer(0));
