// SPDX-License-Identifier: Apache-2.0
// Where the struct page of a frame is, and whether it has one.
import { DumpError } from '../core/errors.js';
import { readOf } from '../core/memory.js';
import { pointerAt } from '../kernel/containers/pointer.js';
import type { Host } from '../kernel/host.js';
import { vmemmapOf } from '../kernel/page.js';
import { type Resolved, resolveIfPresent } from '../types/fields.js';
import { sectionFields, sectionUsageFields, type structPageFields } from './structs.js';

/** Frames of a section: SECTION_SIZE_BITS is 27 (arch/x86/include/asm/sparsemem.h). */
export const SECTION_FRAMES = 0x8000;
/** Frames of a subsection: SUBSECTION_SHIFT is 21 (include/linux/mmzone.h). */
const SUBSECTION_FRAMES = 0x200;
/** Bits of section_mem_map (include/linux/mmzone.h). The rest of the lowest twelve bits is 0 or further flags. */
const HAS_MEM_MAP = 2n;
const IS_ONLINE = 4n;
const FLAGS = 0xfffn;
/** Most roots: 2^(52 - 27) sections, 128 of which have a root. */
const MOST_ROOTS = 0x40000;

/** A run of frames whose struct pages follow each other. */
export interface Section {
  readonly first: number;
  /** The frame after the last one. */
  readonly end: number;
  /** Address that frame 0 would have: the struct page of frame n is n structures further. */
  readonly base: bigint;
  /** By subsection: whether its frames have a struct page that is in use. Null if all have one. */
  readonly subsections: readonly boolean[] | null;
}

/** Finds struct pages by frame (include/asm-generic/memory_model.h). */
export interface MemMap {
  /** The section of a frame; null if it does not have a struct page, or not one in use (pfn_to_online_page). */
  sectionOf(frame: number): Section | null;
  /** The frame of the struct page at an address; null if there is none. */
  frameOf(address: bigint): number | null;
  /** An upper bound of the frames that have a struct page. */
  readonly end: number;
}

/** The map of a kernel: by sections (CONFIG_SPARSEMEM), one array (CONFIG_FLATMEM), or, if neither is known, vmemmap. */
export function memMapOf(host: Host, pages: Resolved<typeof structPageFields>): MemMap {
  const { info, symbols, types, memory, log } = host;
  const end = lastFrame(host);
  const at = resolveIfPresent(types, sectionFields);
  const roots = info.symbol('mem_section');
  if (at !== null && roots !== null) {
    try {
      return new Sections(host, pages.bytes, { at, roots, end });
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      log.warn(`it is not known which frames have a struct page: ${error.message}`, error);
    }
  }
  const flat = info.symbol('mem_map') ?? symbols.get('mem_map');
  const base = flat === undefined ? vmemmapOf(host) : pointerAt(memory, flat, 'mem_map');
  return new OneArray(base, pages.bytes, end);
}

/** The end of the memory that /proc/kpageflags covers: max_pfn, up to the end of its section. */
function lastFrame({ symbols, memory, frames }: Host): number {
  const variable = symbols.get('max_pfn');
  const most = variable === undefined ? null : readOf(memory, variable, 8, 'max_pfn').u53(0);
  const end = most ?? frames.limit ?? 2 ** 40;
  return Math.min(Math.ceil(end / SECTION_FRAMES) * SECTION_FRAMES, 2 ** 40);
}

/** All struct pages in one array. */
class OneArray implements MemMap {
  readonly #whole: Section;

  constructor(
    base: bigint,
    readonly bytes: number,
    readonly end: number,
  ) {
    this.#whole = { first: 0, end, base, subsections: null };
  }

  sectionOf(frame: number): Section | null {
    return frame < this.end ? this.#whole : null;
  }

  frameOf(address: bigint): number | null {
    return frameIn(this.#whole, address, this.bytes);
  }
}

/** Which frame of a section has its struct page at an address; null if none has. */
function frameIn({ base, first, end }: Section, address: bigint, bytes: number): number | null {
  const frame = (address - base) / BigInt(bytes);
  const isOne = address >= base && frame >= BigInt(first) && frame < BigInt(end);
  return isOne && base + frame * BigInt(bytes) === address ? Number(frame) : null;
}

interface Roots {
  readonly at: Resolved<typeof sectionFields>;
  /** Address of the array of pointers to the arrays of mem_section (CONFIG_SPARSEMEM_EXTREME). */
  readonly roots: bigint;
  readonly end: number;
}

/** Struct pages by section of 128 MiB (CONFIG_SPARSEMEM, mm/sparse.c). */
class Sections implements MemMap {
  readonly #host: Host;
  readonly #at: Roots['at'];
  readonly #roots: bigint;
  readonly #perRoot: number;
  readonly #usage: Resolved<typeof sectionUsageFields> | null;
  /** Whether section_mem_map says which sections are online, since v4.13. */
  readonly #hasOnline: boolean;
  /** Whether only the subsections that are in use count, since v5.12 (pfn_to_online_page). */
  readonly #hasSubsections: boolean;
  readonly #known = new Map<number, Section | null>();
  readonly end: number;

  constructor(
    host: Host,
    readonly bytes: number,
    { at, roots, end }: Roots,
  ) {
    this.#host = host;
    this.#at = at;
    this.#perRoot = Math.floor(4096 / at.bytes);
    this.#roots = this.#arrayAt(roots);
    this.#usage = resolveIfPresent(host.types, sectionUsageFields);
    this.end = end;
    // The first section has memory on every machine, and is online.
    this.#hasOnline = ((this.#word(0) ?? 0n) & IS_ONLINE) !== 0n;
    // v5.11 and v5.12 differ in no structure that is read: memcg_data is v5.11's.
    this.#hasSubsections = host.types.member('page', 'memcg_data') !== null || host.types.sizeOf('folio') !== null;
  }

  sectionOf(frame: number): Section | null {
    if (frame >= this.end) return null;
    const number = Math.floor(frame / SECTION_FRAMES);
    const section = this.#section(number);
    if (section === null || section.subsections === null) return section;
    return section.subsections[Math.floor((frame - section.first) / SUBSECTION_FRAMES)] === true ? section : null;
  }

  frameOf(address: bigint): number | null {
    // With vmemmap all sections have the same base.
    const base = this.#section(0)?.base ?? 0n;
    const near = Number((address - base) / BigInt(this.bytes));
    const section = near >= 0 ? this.sectionOf(near) : null;
    if (section?.base === base) return frameIn(section, address, this.bytes);
    // Without it, the array of a section contains its own struct pages only.
    for (let number = 0; number * SECTION_FRAMES < this.end; number++) {
      const section = this.#section(number);
      const frame = section === null ? null : frameIn(section, address, this.bytes);
      if (frame !== null) return frame;
    }
    return null;
  }

  #section(number: number): Section | null {
    let section = this.#known.get(number);
    if (section === undefined) {
      section = this.#readOrGuess(number);
      this.#known.set(number, section);
    }
    return section;
  }

  /** A section that can't be read is taken for one like the first: with vmemmap, the struct pages are where they would be. */
  #readOrGuess(number: number): Section | null {
    try {
      return this.#read(number);
    } catch (error) {
      if (!(error instanceof DumpError) || number === 0) throw error;
      this.#host.log.warn(`it is not known which frames have a struct page: ${error.message}`, error);
      const first = number * SECTION_FRAMES;
      return { first, end: first + SECTION_FRAMES, base: this.#section(0)?.base ?? 0n, subsections: null };
    }
  }

  #read(number: number): Section | null {
    const word = this.#word(number);
    if (word === null || (word & HAS_MEM_MAP) === 0n || (this.#hasOnline && (word & IS_ONLINE) === 0n)) return null;
    const first = number * SECTION_FRAMES;
    const subsections = this.#hasSubsections ? this.#subsections(number) : null;
    return { first, end: first + SECTION_FRAMES, base: word & ~FLAGS, subsections };
  }

  /** The value of section_mem_map; null if the section is not there. Throws `DumpError` if it can't be read. */
  #word(number: number): bigint | null {
    const place = this.#place(number);
    return place === null ? null : pointerAt(this.#host.memory, place + BigInt(this.#at.map.offset), 'mem_section');
  }

  #place(number: number): bigint | null {
    const root = Math.floor(number / this.#perRoot);
    if (root >= this.#count()) return null;
    const array = pointerAt(this.#host.memory, this.#roots + BigInt(root * 8), 'mem_section');
    return array === 0n ? null : array + BigInt((number % this.#perRoot) * this.#at.bytes);
  }

  #count(): number {
    return Math.min(this.#host.info.length('mem_section') ?? MOST_ROOTS, MOST_ROOTS);
  }

  #subsections(number: number): readonly boolean[] | null {
    const [usage, place] = [this.#at.usage, this.#place(number)];
    const map = this.#usage?.subsections ?? null;
    if (usage === null || place === null || map === null) return null;
    const address = pointerAt(this.#host.memory, place + BigInt(usage.offset), 'mem_section');
    const bytes = readOf(this.#host.memory, address + BigInt(map.offset), map.size, 'mem_section_usage');
    const bits = bytes.u64(0);
    return Array.from({ length: SECTION_FRAMES / SUBSECTION_FRAMES }, (_, i) => ((bits >> BigInt(i)) & 1n) === 1n);
  }

  /**
   * VMCOREINFO has the address of the array. Some kernels from 4.15 on, in which mem_section is a pointer, have the
   * pointer's address: then what is read as a pointer to mem_sections points to pointers.
   */
  #arrayAt(roots: bigint): bigint {
    const { memory } = this.#host;
    const first = pointerAt(memory, roots, 'mem_section');
    const word = first === 0n ? 0n : pointerAt(memory, first + BigInt(this.#at.map.offset), 'mem_section');
    if ((word & HAS_MEM_MAP) !== 0n) return roots;
    const behind = word === 0n ? 0n : pointerAt(memory, word + BigInt(this.#at.map.offset), 'mem_section');
    if ((behind & HAS_MEM_MAP) !== 0n) return first;
    throw new DumpError(`mem_section at 0x${roots.toString(16)}: the first section has no memory map`);
  }
}
