// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { ByteSource, FrameGap } from '../core/memory.js';
import { PAGE_DESCRIPTOR_SIZE } from './layout/kdump.js';

/** Where a page's data is in the file, how many bytes, and how they are packed. */
export interface Descriptor {
  /** Where the descriptor itself is in the file. */
  readonly at: number;
  readonly offset: number;
  readonly size: number;
  readonly flags: number;
}

/** So many are looked at to see how the writer lays out pages. */
const PROBED = 512;
const FEWEST = 8;
const MOSTLY = 0.5;
/** Descriptors of the page of zeros that are passed over to find a neighbour. */
const MOST_ZEROS = 256;
/** Bytes of the page of zeros, which is not compressed. */
const ZERO_PAGE = 4096;

/**
 * The table of page descriptors of a kdump-compressed file. makedumpfile and QEMU write page behind page, in the order
 * of their frames, and one page of zeros for all, right behind the table: so a descriptor must begin where the one
 * before it ends, or end where the next one begins, and else it is damaged. Nothing else in the file tells whose page it
 * is, and one of another frame would give wrong answers. Writers that lay out pages otherwise are not held to this.
 */
export class Descriptors {
  /** Flags of the first ones, all together. */
  readonly flags: number;
  /** Where the pages begin, as far as the first ones tell; 0 where none of them was written. */
  readonly first: number;
  readonly #file: ByteSource;
  readonly #start: number;
  readonly #chained: boolean;
  /** Where the page of zeros is. */
  readonly #zeros: ReadonlySet<number>;

  /** `start`: where the table is in the file. */
  constructor(file: ByteSource, start: number) {
    this.#file = file;
    this.#start = start;
    const probed = this.#probe();
    this.flags = probed.reduce((flags, each) => flags | each.flags, 0);
    const offsets = probed.filter(isBehind).map(({ offset }) => offset);
    this.first = offsets.length === 0 ? 0 : Math.min(...offsets);
    this.#zeros = new Set([...repeated(probed), this.first - ZERO_PAGE]);
    this.#chained = isChained(probed.filter(({ offset }) => offset !== 0 && !this.#zeros.has(offset)));
  }

  /** The descriptor at a place of the table, or why there is none that can be believed. */
  at(index: number): Descriptor | FrameGap {
    const at = this.#start + index * PAGE_DESCRIPTOR_SIZE;
    const found = this.#read(index);
    if (found === null) return cutOff('page descriptor', at);
    if (found.offset === 0) return cutOff('page descriptor (0: the page was not written)', at);
    if (this.#chained && !this.#isLinked(found, index))
      return undecodable(at, 'it does not fit those beside it, so it is damaged, or they are');
    return found;
  }

  /** The first ones: the table ends where the pages begin. */
  #probe(): Descriptor[] {
    const probed: Descriptor[] = [];
    let end = Infinity;
    for (let i = 0; i < PROBED && this.#start + (i + 1) * PAGE_DESCRIPTOR_SIZE <= end; i++) {
      const found = this.#read(i);
      if (found === null) break;
      probed.push(found);
      if (isBehind(found)) end = Math.min(end, found.offset);
    }
    return probed;
  }

  /** Null where the file has none. */
  #read(index: number): Descriptor | null {
    const at = this.#start + index * PAGE_DESCRIPTOR_SIZE;
    if (at + PAGE_DESCRIPTOR_SIZE > this.#file.size) return null;
    try {
      const bytes = this.#file.read(at, PAGE_DESCRIPTOR_SIZE, 'page descriptor');
      return { at, offset: Number(bytes.u64(0)), size: bytes.u32(8), flags: bytes.u32(12) };
    } catch (error) {
      if (error instanceof DumpError && error.code === 'truncated') return null;
      throw error;
    }
  }

  #isLinked(found: Descriptor, index: number): boolean {
    const [before, behind] = [this.#neighbour(index, -1), this.#neighbour(index, 1)];
    // Those around a page of zeros are linked to each other.
    if (this.#zeros.has(found.offset)) return before === null || behind === null || follows(before, behind);
    if (before === null && behind === null) return true;
    return (before !== null && follows(before, found)) || (behind !== null && follows(found, behind));
  }

  /** The nearest one that is not of the page of zeros; null for none that was written. */
  #neighbour(index: number, step: 1 | -1): Descriptor | null {
    for (let i = 1; i <= MOST_ZEROS; i++) {
      const place = index + i * step;
      const found = place >= 0 ? this.#read(place) : null;
      if (found === null || found.offset === 0) return null;
      if (!this.#zeros.has(found.offset)) return found;
    }
    return null;
  }
}

/** Pages are behind all descriptors; one that says otherwise is damaged, or of a page that was not written. */
const isBehind = ({ at, offset }: Descriptor): boolean => offset >= at + PAGE_DESCRIPTOR_SIZE;

const follows = (one: Descriptor, other: Descriptor): boolean => one.offset + one.size === other.offset;

/** Offsets that several descriptors have. */
function repeated(probed: readonly Descriptor[]): Set<number> {
  const [once, twice] = [new Set<number>(), new Set<number>()];
  for (const { offset } of probed) (once.has(offset) ? twice : once).add(offset);
  twice.delete(0);
  return twice;
}

/** Most of the first ones follow each other; some may be damaged. */
function isChained(pages: readonly Descriptor[]): boolean {
  const links = pages.filter((page, i) => i > 0 && follows(pages[i - 1] as Descriptor, page)).length;
  return pages.length > FEWEST && links >= (pages.length - 1) * MOSTLY;
}

export const cutOff = (what: string, at: number): FrameGap => ({
  reason: 'cut-off',
  message: `${what} at 0x${at.toString(16)} of the file: the dump is truncated or incomplete`,
});

export const undecodable = (at: number, problem: string): FrameGap => ({
  reason: 'undecodable',
  message: `page descriptor at 0x${at.toString(16)} of the file: ${problem}`,
});
