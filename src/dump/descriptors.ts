// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../core/errors.js';
import type { ByteSource, FrameGap } from '../core/memory.js';
import { PAGE_DESCRIPTOR_SIZE } from './layout/kdump.js';

/** A page descriptor: where the page's data is in the file, its size in bytes, and flags for its compression. */
export interface Descriptor {
  /** File offset of the descriptor itself. */
  readonly at: number;
  readonly offset: number;
  readonly size: number;
  readonly flags: number;
}

/** Number of descriptors that are examined to find out how the writer lays out pages. */
const PROBED = 512;
const FEWEST = 8;
const MOSTLY = 0.5;
/** Most descriptors of the zero page that are skipped to find a neighbour. */
const MOST_ZEROS = 256;
/** Descriptors that are read from the file at once. */
const AT_ONCE = 128;
/** Size of the zero page in bytes; it is not compressed. */
const ZERO_PAGE = 4096;

/**
 * The table of page descriptors of a kdump-compressed file. makedumpfile and QEMU write the data of the pages one after
 * another, in the order of their frames, and a single zero page for all pages of zeros right after the table. So a
 * page's data must begin where that of the previous page ends, or end where that of the next page begins; otherwise its
 * descriptor is damaged. Nothing else in the file says which frame a page belongs to, and the page of another frame
 * would give wrong answers. Files of writers with another layout are not checked.
 */
export class Descriptors {
  /** Flags of the first descriptors, combined with OR. */
  readonly flags: number;
  /** File offset where the pages' data begins, according to the first descriptors; 0 if none of them has data. */
  readonly first: number;
  readonly #file: ByteSource;
  readonly #start: number;
  readonly #chained: boolean;
  /** Possible file offsets of the zero page. */
  readonly #zeros: ReadonlySet<number>;
  /** Zero pages at indices from `#linkedFrom` to `#linkedTo` - 1 are known to be linked. */
  #linkedFrom = 0;
  #linkedTo = 0;
  /** The descriptors that were read last, the index of the first and its file offset; null if they can't be read at once. */
  #window: DataView | null = null;
  #windowFrom = -1;
  #windowAt = 0;
  /** The zero pages that `#neighbour` passed. */
  #zerosPassed = 0;

  /** `start`: file offset of the table. */
  constructor(file: ByteSource, start: number) {
    this.#file = file;
    this.#start = start;
    const probed = this.#probe();
    this.flags = probed.reduce((flags, each) => flags | each.flags, 0);
    const offsets = probed.filter(isAfterTable).map(({ offset }) => offset);
    this.first = offsets.length === 0 ? 0 : Math.min(...offsets);
    this.#zeros = new Set([...repeated(probed), this.first - ZERO_PAGE]);
    this.#chained = isChained(probed.filter(({ offset }) => offset !== 0 && !this.#zeros.has(offset)));
  }

  /** The descriptor at an index of the table, or why it is missing or can't be trusted. */
  at(index: number): Descriptor | FrameGap {
    const at = this.#start + index * PAGE_DESCRIPTOR_SIZE;
    const found = this.#read(index);
    if (found === null) return cutOff('page descriptor', at);
    if (found.offset === 0) return cutOff('page descriptor (0: the page was not written)', at);
    if (this.#chained && !this.#isLinked(found, index))
      return undecodable(at, 'it contradicts the descriptors next to it, so it or they are damaged');
    return found;
  }

  /** The first descriptors. The table ends where the pages' data begins. */
  #probe(): Descriptor[] {
    const probed: Descriptor[] = [];
    let end = Infinity;
    for (let i = 0; i < PROBED && this.#start + (i + 1) * PAGE_DESCRIPTOR_SIZE <= end; i++) {
      const found = this.#read(i);
      if (found === null) break;
      probed.push(found);
      if (isAfterTable(found)) end = Math.min(end, found.offset);
    }
    return probed;
  }

  /** The descriptor at an index; null if the file ends before it. */
  #read(index: number): Descriptor | null {
    const at = this.#start + index * PAGE_DESCRIPTOR_SIZE;
    const first = index - (index % AT_ONCE);
    if (first !== this.#windowFrom) this.#load(first);
    const place = at - this.#windowAt;
    if (this.#window !== null)
      return place + PAGE_DESCRIPTOR_SIZE > this.#window.byteLength ? null : described(at, this.#window, place);
    return this.#readAlone(at);
  }

  /** Reads the descriptors from an index on, so many of them as are in the file; none if a part of them can't be read. */
  #load(first: number): void {
    const at = this.#start + first * PAGE_DESCRIPTOR_SIZE;
    const whole = Math.floor((this.#file.size - at) / PAGE_DESCRIPTOR_SIZE);
    const length = Math.max(0, Math.min(AT_ONCE, whole)) * PAGE_DESCRIPTOR_SIZE;
    this.#window = orNull(() => this.#file.read(at, length, 'page descriptors').view);
    this.#windowAt = at;
    this.#windowFrom = first;
  }

  #readAlone(at: number): Descriptor | null {
    try {
      if (at + PAGE_DESCRIPTOR_SIZE > this.#file.size) return null;
      return described(at, this.#file.read(at, PAGE_DESCRIPTOR_SIZE, 'page descriptor').view, 0);
    } catch (error) {
      if (error instanceof DumpError && error.code === 'truncated') return null;
      throw error;
    }
  }

  #isLinked(found: Descriptor, index: number): boolean {
    if (index >= this.#linkedFrom && index < this.#linkedTo && this.#zeros.has(found.offset)) return true;
    const before = this.#neighbour(index, -1);
    if (before !== null && !this.#zeros.has(found.offset) && follows(before, found)) return true;
    const after = this.#neighbour(index, 1);
    // The neighbours of a zero page follow each other.
    if (this.#zeros.has(found.offset)) {
      const isLinked = before === null || after === null || follows(before, after);
      // The same is true of the zero pages after it, up to the next other page: a long run is examined once.
      if (isLinked && (before === null || after !== null)) {
        this.#linkedFrom = index;
        this.#linkedTo = index + this.#zerosPassed + 1;
      }
      return isLinked;
    }
    return after === null ? before === null : follows(found, after);
  }

  /** The nearest descriptor in one direction that is not of the zero page; null if none was written. */
  #neighbour(index: number, step: 1 | -1): Descriptor | null {
    for (let i = 1; i <= MOST_ZEROS; i++) {
      this.#zerosPassed = i - 1;
      const place = index + i * step;
      const found = place >= 0 ? this.#read(place) : null;
      if (found === null || found.offset === 0) return null;
      if (!this.#zeros.has(found.offset)) return found;
    }
    return null;
  }
}

const described = (at: number, view: DataView, place: number): Descriptor => ({
  at,
  // As a number: an offset that is not exact is beyond the end of any file.
  offset: view.getUint32(place, true) + view.getUint32(place + 4, true) * 0x100000000,
  size: view.getUint32(place + 8, true),
  flags: view.getUint32(place + 12, true),
});

/** Data follows all descriptors. If it does not, the descriptor is damaged, or its page was not written. */
const isAfterTable = ({ at, offset }: Descriptor): boolean => offset >= at + PAGE_DESCRIPTOR_SIZE;

const follows = (one: Descriptor, other: Descriptor): boolean => one.offset + one.size === other.offset;

/** Offsets that occur in more than one descriptor. */
function repeated(probed: readonly Descriptor[]): Set<number> {
  const [once, twice] = [new Set<number>(), new Set<number>()];
  for (const { offset } of probed) (once.has(offset) ? twice : once).add(offset);
  twice.delete(0);
  return twice;
}

/** Whether most of these pages follow each other in the file; some may be damaged. */
function isChained(pages: readonly Descriptor[]): boolean {
  const links = pages.filter((page, i) => i > 0 && follows(pages[i - 1] as Descriptor, page)).length;
  return pages.length > FEWEST && links >= (pages.length - 1) * MOSTLY;
}

/** The gap for a page whose descriptor or data (`what`) should be at file offset `at`, but is missing. */
export const cutOff = (what: string, at: number): FrameGap => ({
  reason: 'cut-off',
  message: `${what} at 0x${at.toString(16)} of the file: the dump is truncated or incomplete`,
});

/** The gap for a page that can't be decoded; `at` is the file offset of its descriptor. */
export const undecodable = (at: number, problem: string): FrameGap => ({
  reason: 'undecodable',
  message: `page descriptor at 0x${at.toString(16)} of the file: ${problem}`,
});
