// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, type Pfn } from '../core/address.js';
import type { Advice } from '../core/advice.js';
import type { Bytes } from '../core/bytes.js';
import { DumpError } from '../core/errors.js';
import { Lru } from '../core/lru.js';
import type { ByteSource, FrameGap, FrameSource } from '../core/memory.js';
import type { Note } from '../elf/notes.js';
import type { PagePart } from './piece-reader.js';

/** Something wrong with a file that can be read: a line, and what would help. */
export interface Problem extends Advice {
  readonly message: string;
}

/** One kind of dump file. */
export interface DumpFormat {
  readonly name: string;
  /** False: not mine. Mine but broken is for `open` to say. */
  probe(start: Bytes): boolean;
  /** Throws `DumpError` when the file is of this kind but can't be used. */
  open(file: ByteSource): Promise<PageReader> | PageReader;
}

/** What a format reads out of its file. */
export interface PageReader {
  /** For people: the form, its version, its compression. */
  readonly description: string;
  /** The page's 4096 bytes, or why there are none. */
  page(frame: Pfn): DataView | FrameGap;
  /** Why a page is not there, as far as that is known without its data; null where it should be. For forms that have an index. */
  gap?(frame: Pfn): FrameGap | null;
  /** Every frame of which the dump has something, ascending. */
  present(): Iterable<Pfn>;
  /** The text of VMCOREINFO where the format names its place. */
  readonly vmcoreinfo: Bytes | null;
  readonly notes: readonly Note[];
  /** What is wrong with the file, though it can be read. */
  readonly problems: readonly Problem[];
  /**
   * The first frame behind one that is not there that may be there, or be missing for another reason. Nothing from
   * `end` on is looked at.
   */
  readonly gapEnd: (frame: Pfn, end: number) => number;
  /** What there is of a page that is not there as a whole; for forms in which that happens. */
  readonly parts?: (frame: Pfn) => PagePart[];
  /** Frames of the machine, one more than the last; where the form tells. */
  readonly frames?: number;
  /** The same, for all forms, where no frame of the machine lies beyond. */
  readonly limit?: number | undefined;
  /** How many pages of these frames the dump has, in whichever of its files. */
  readonly pagesOf?: (start: number, end: number) => number;
  /** In a dump that was split: which part this is. */
  readonly part?: SplitPart;
  /** phys_base as the file's own header gives it: a hint, it can be 0 or a guess. */
  readonly physBase: bigint | null;
}

/** One file of a dump that was split: it has the pages of the frames `start` to `end` - 1. */
export interface SplitPart {
  readonly start: number;
  readonly end: number;
  /** The same in all parts of one dump. */
  readonly dump: string;
}

/** Decoded pages kept: 16 MiB. */
const PAGES = (16 * 1024 * 1024) / PAGE_SIZE;

/** The physical memory of a dumped machine, as far as the dump has it, behind a bounded cache of decoded pages. */
export class DumpImage implements FrameSource {
  readonly #pages = new Lru<DataView>(PAGES);
  /** What is wrong with its files, though they can be read. */
  readonly problems: readonly Problem[];

  constructor(
    /** For people: the name of its file. */
    readonly name: string,
    readonly reader: PageReader,
    /** Called for every page that is not at hand. */
    readonly onRead: () => void = () => undefined,
    problems: readonly Problem[] = [],
  ) {
    this.problems = [...problems, ...reader.problems];
  }

  get limit(): number | undefined {
    return this.reader.limit;
  }

  frame(frame: Pfn): DataView | null {
    const known = this.#pages.get(frame);
    if (known !== undefined) return known;
    this.onRead();
    const page = this.#read(frame);
    if (!(page instanceof DataView)) return null;
    this.#pages.set(frame, page);
    return page;
  }

  why(frame: Pfn): FrameGap {
    const page = this.#read(frame);
    return page instanceof DataView ? { reason: 'unreadable', message: 'the page can be read now' } : page;
  }

  /**
   * Why a page is not there; null where the dump has it. Pages are not decoded for it: one whose data is damaged counts as
   * there in the forms that have an index.
   */
  gap(frame: Pfn): FrameGap | null {
    const { reader } = this;
    if (reader.gap === undefined) return this.frame(frame) === null ? this.why(frame) : null;
    try {
      return reader.gap(frame);
    } catch (error) {
      if (error instanceof DumpError) return gapOf(error);
      throw error;
    }
  }

  /** The first frame behind one that is not there that may be there, or be missing for another reason; `end` at most. */
  gapEnd(frame: Pfn, end: number): number {
    try {
      return Math.min(end, this.reader.gapEnd(frame, end));
    } catch (error) {
      if (error instanceof DumpError) return frame + 1;
      throw error;
    }
  }

  /** A page in parts, in forms that can have some of its bytes; null where a page is there or is not. */
  parts(frame: Pfn): PagePart[] | null {
    try {
      return this.reader.parts?.(frame) ?? null;
    } catch (error) {
      if (error instanceof DumpError) return null;
      throw error;
    }
  }

  /** A file that can't be read at one place (EIO, cut while it is read) has a gap there, and serves elsewhere. */
  #read(frame: Pfn): DataView | FrameGap {
    try {
      return this.reader.page(frame);
    } catch (error) {
      if (error instanceof DumpError) return gapOf(error);
      throw error;
    }
  }
}

const gapOf = ({ code, message }: DumpError): FrameGap => ({
  reason: code === 'truncated' ? 'cut-off' : 'unreadable',
  message,
});
