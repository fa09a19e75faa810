// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, type Pfn } from '../core/address.js';
import type { Advice } from '../core/advice.js';
import type { Bytes } from '../core/bytes.js';
import { DumpError } from '../core/errors.js';
import { Lru } from '../core/lru.js';
import type { ByteSource, FrameGap, FrameSource, Live } from '../core/memory.js';
import type { Note } from '../elf/notes.js';
import type { PagePart } from './piece-reader.js';
import { Recording } from './recorder.js';

/** A problem with a file that can be read nevertheless: a one-line message, and what would help. */
export interface Problem extends Advice {
  readonly message: string;
}

/** A format of dump files. */
export interface DumpFormat {
  readonly name: string;
  /** Whether a file that begins with these bytes is in this format. A damaged file is still in the format. */
  probe(start: Bytes): boolean;
  /** Throws `DumpError` if the file can't be used. */
  open(file: ByteSource): Promise<PageReader> | PageReader;
}

/** Access to the pages and notes of a dump file, implemented by each format. */
export interface PageReader {
  /** For display: the format, its version, its compression. */
  readonly description: string;
  /** The page's 4096 bytes, or why there are none. */
  page(frame: Pfn): DataView | FrameGap;
  /** Reads pages that follow each other, as many as `target` is long, if the file has them in one place, as they are; else false. */
  stretch?(frame: Pfn, target: Uint8Array): boolean;
  /**
   * Why a page is missing, as far as the file's index says, without reading the page's data; null if the page should be
   * there. Only in formats that have an index.
   */
  gap?(frame: Pfn): FrameGap | null;
  /** Every frame of which the dump has at least some bytes, ascending. */
  present(): Iterable<Pfn>;
  /** The text of VMCOREINFO, if the file says where it is; else null. */
  readonly vmcoreinfo: Bytes | null;
  readonly notes: readonly Note[];
  /** Problems with the file, which can be read nevertheless. */
  readonly problems: readonly Problem[];
  /**
   * For a missing frame: the next frame that may be present, or missing for another reason. Nothing from frame `end` on
   * is examined; the result may be greater than `end`.
   */
  readonly gapEnd: (frame: Pfn, end: number) => number;
  /** The parts of a page that is not present as a whole; only in formats in which that can happen. */
  readonly parts?: (frame: Pfn) => PagePart[];
  /** Number of the machine's last frame plus one, if the file records it. */
  readonly frames?: number;
  /** An upper bound of the machine's frames: no frame from here on exists. Undefined if unknown. */
  readonly limit?: number | undefined;
  /** Number of pages from frame `start` to `end` - 1 that the dump has, in any of its files. */
  readonly pagesOf?: (start: number, end: number) => number;
  /** Whether the file has only the pages that some answers need, because it was written by this program. */
  readonly isExcerpt?: boolean;
  /** For a file of a split dump: which part it is. */
  readonly part?: SplitPart;
  /** phys_base from the header of the file. A hint only: it can be 0 or a guess. */
  readonly physBase: bigint | null;
  /** Only of a running machine, whose memory changes: drops what was read before. */
  readonly forget?: (() => void) | undefined;
}

/** One file of a split dump. It has the pages of the frames `start` to `end` - 1. */
export interface SplitPart {
  readonly start: number;
  readonly end: number;
  /** Identifies the dump: equal in all of its parts. */
  readonly dump: string;
}

/** Most decoded pages that are cached: 16 MiB. */
const PAGES = (16 * 1024 * 1024) / PAGE_SIZE;

/** The physical memory of a dumped machine, as far as the dump has it. Decoded pages are cached, within a bound. */
export class DumpImage implements FrameSource {
  readonly #pages = new Lru<DataView>(PAGES);
  #recording: Recording | null = null;
  /** Problems with the files, which can be read nevertheless. */
  readonly problems: readonly Problem[];
  readonly live: Live | undefined;

  constructor(
    /** For display: the name of the file. */
    readonly name: string,
    readonly reader: PageReader,
    /** Called for each page that is not in the cache. */
    readonly onRead: () => void = () => undefined,
    problems: readonly Problem[] = [],
  ) {
    this.problems = [...problems, ...reader.problems];
    const { forget } = reader;
    this.live = forget && {
      forget: () => {
        forget();
        this.#pages.clear();
      },
      again: 0,
      moved: 0,
    };
  }

  get limit(): number | undefined {
    return this.reader.limit;
  }

  /** Records from now on what is read of the image. */
  record(): Recording {
    this.#recording ??= new Recording();
    return this.#recording;
  }

  frame(frame: Pfn): DataView | null {
    const known = this.#pages.get(frame);
    if (known !== undefined) {
      this.#recording?.saw(frame);
      return known;
    }
    this.onRead();
    const page = this.#read(frame);
    if (!(page instanceof DataView)) return null;
    this.#pages.set(frame, page);
    return page;
  }

  stretch(frame: Pfn, target: Uint8Array): boolean {
    // A recording counts the pages one by one; on a running machine each answer is checked with its page.
    if (this.#recording !== null || this.live !== undefined) return false;
    this.onRead();
    try {
      return this.reader.stretch?.(frame, target) ?? false;
    } catch (error) {
      // The error may be in one of the pages only.
      if (error instanceof DumpError) return false;
      throw error;
    }
  }

  why(frame: Pfn): FrameGap {
    const page = this.#read(frame);
    return page instanceof DataView ? { reason: 'unreadable', message: 'the page can be read now' } : page;
  }

  /**
   * Why a page is missing; null if the dump has it. In formats that have an index the page is not decoded, so one whose
   * data is damaged counts as present.
   */
  gap(frame: Pfn): FrameGap | null {
    if (this.reader.gap === undefined) return this.frame(frame) === null ? this.why(frame) : null;
    const gap = this.#listed(frame);
    if (gap === null) this.#recording?.saw(frame);
    else this.#recording?.missed(frame, frame + 1, gap);
    return gap;
  }

  #listed(frame: Pfn): FrameGap | null {
    try {
      return this.reader.gap?.(frame) ?? null;
    } catch (error) {
      if (error instanceof DumpError) return gapOf(error);
      throw error;
    }
  }

  /** For a missing frame: the next frame that may be present, or missing for another reason; at most `end`. */
  gapEnd(frame: Pfn, end: number): number {
    try {
      const next = Math.min(end, this.reader.gapEnd(frame, end));
      this.#recording?.missed(frame, next, this.why(frame));
      return next;
    } catch (error) {
      if (error instanceof DumpError) return frame + 1;
      throw error;
    }
  }

  /** The parts of a page of which the dump may have some bytes only; null in formats where that can't happen. */
  parts(frame: Pfn): PagePart[] | null {
    try {
      return this.reader.parts?.(frame) ?? null;
    } catch (error) {
      if (error instanceof DumpError) return null;
      throw error;
    }
  }

  /** Where a file can't be read (EIO, or cut short while being read) there is a gap; the rest is still used. */
  #read(frame: Pfn): DataView | FrameGap {
    const page = this.#readOrGap(frame);
    if (page instanceof DataView) this.#recording?.saw(frame);
    else this.#recording?.missed(frame, frame + 1, page);
    return page;
  }

  #readOrGap(frame: Pfn): DataView | FrameGap {
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
