// SPDX-License-Identifier: Apache-2.0

import { type CodecName, codecs, type Decode } from '../../codecs/index.js';
import { PAGE_SIZE, type Pfn, pfn } from '../../core/address.js';
import type { Bytes } from '../../core/bytes.js';
import { latin1 } from '../../core/bytes.js';
import { DumpError, type DumpErrorCode } from '../../core/errors.js';
import type { ByteSource, FrameGap } from '../../core/memory.js';
import { printable } from '../../core/text.js';
import { MOST_NOTE_BYTES, type Note, parseNotes } from '../../elf/notes.js';
import {
  bigintOf,
  KDUMP_HEADER_SIZE,
  KDUMP_SUB_HEADER_SIZE,
  type KdumpHeader,
  type KdumpSubHeader,
  numberOf,
  readKdumpHeader,
  readKdumpSubHeader,
} from '../../headers/headers.js';
import { Bitmap } from '../bitmap.js';
import { cutOff, type Descriptor, Descriptors, undecodable } from '../descriptors.js';
import type { DumpFormat, PageReader, Problem, SplitPart } from '../image.js';
import { type ExcerptFacts, excerptGap, excerptGapEnd, readExcerptNote } from '../layout/excerpt-note.js';
import {
  EXCERPT_NOTE,
  KDUMP_MAGIC,
  PAGE_DESCRIPTOR_SIZE,
  PAGE_LZO,
  PAGE_SNAPPY,
  PAGE_ZLIB,
  PAGE_ZSTD,
  STATUS_INCOMPLETE,
} from '../layout/kdump.js';
import { refuseXen } from './xen.js';

const CODEC_OF_FLAG = new Map<number, CodecName>([
  [PAGE_ZLIB, 'zlib'],
  [PAGE_LZO, 'lzo'],
  [PAGE_SNAPPY, 'snappy'],
  [PAGE_ZSTD, 'zstd'],
]);

/** The kernel's VMCOREINFO is one page, at most two (VMCOREINFO_BYTES, include/linux/vmcore_info.h). */
const MOST_VMCOREINFO_BYTES = 64 * 1024;

/** kdump-compressed, header versions 1 to 6: makedumpfile, and QEMU's dump-guest-memory in its kdump formats. */
export const kdump: DumpFormat = {
  name: 'kdump',
  probe: (start) => start.length >= 8 && start.u32(0) === KDUMP_MAGIC[0] && start.u32(4) === KDUMP_MAGIC[1],
  async open(file) {
    const header = readKdumpHeader(file.read(0, KDUMP_HEADER_SIZE, 'kdump header'));
    checkHeader(file, header);
    const sub = readKdumpSubHeader(file.read(header.blockSize, KDUMP_SUB_HEADER_SIZE, 'kdump sub-header'));
    const reader = new KdumpReader(file, header, sub);
    await reader.load();
    return reader;
  },
};

/** Values of `uname -m` of other architectures. */
const OTHER_MACHINES =
  /^(?:i[3-6]86|aarch64|arm(?:v\w+)?|ppc(?:64)?(?:le)?|s390x?|riscv(?:32|64)|loongarch(?:32|64)|mips(?:64)?|ia64|sparc(?:64)?|alpha|parisc(?:64)?|m68k)$/;

function checkHeader(file: ByteSource, header: KdumpHeader): void {
  const refuse = (problem: string, code: DumpErrorCode = 'unsupported'): never => {
    throw new DumpError(`${file.name}: kdump header: ${problem}`, { code });
  };
  const machine = latin1(header.utsname.machine).replace(/\0.*$/s, '');
  // makedumpfile before 1.6.9 writes the texts of Linux 5.11 and later four bytes too early, so they are only a hint:
  // the names of other architectures are refused, anything else is decided by the kernel in memory.
  if (OTHER_MACHINES.test(machine)) refuse(`a dump of architecture ${machine}; only x86-64 dumps are read`);
  if (header.headerVersion < 0 || header.headerVersion > 6)
    refuse(`version ${header.headerVersion} is not supported; supported: 1 to 6`);
  if (header.blockSize !== PAGE_SIZE) refuse(`pages of ${header.blockSize} bytes; x86-64 has ${PAGE_SIZE}`);
  if (header.headerVersion < 6 && header.maxMapnr === 0) refuse('no memory in this dump', 'damaged');
  if (header.subHdrSize < 1) refuse(`a sub-header of ${header.subHdrSize} blocks is not valid`, 'damaged');
}

/** Largest bitmap, in bytes, that is counted when the dump is opened: that of 2 TiB of memory. */
const COUNTED = 64 * 1024 * 1024;
/** Some writers begin the pages at the next block. */
const isPadded = (first: number, gap: number): boolean => first % PAGE_SIZE === 0 && gap > 0 && gap < PAGE_SIZE;
/** A difference of a few descriptors is damage; any other is the layout of another writer. */
const isWholeDescriptors = (bytes: number): boolean =>
  bytes % PAGE_DESCRIPTOR_SIZE === 0 && Math.abs(bytes) < PAGE_SIZE * PAGE_DESCRIPTOR_SIZE;

type SubHeaderWord = KdumpSubHeader['physBase'];

class KdumpReader implements PageReader {
  readonly description: string;
  readonly vmcoreinfo: Bytes | null;
  readonly notes: readonly Note[];
  readonly physBase: bigint;
  readonly frames: number;
  readonly limit: number | undefined;
  readonly part?: SplitPart;
  readonly problems: readonly Problem[];
  readonly #memory: Bitmap;
  readonly #dumped: Bitmap;
  readonly #descriptors: Descriptors;
  readonly isExcerpt: boolean;
  readonly #facts: ExcerptFacts | null;
  readonly #decoders = new Map<number, Decode>();

  constructor(
    readonly file: ByteSource,
    readonly header: KdumpHeader,
    sub: KdumpSubHeader,
  ) {
    const version = header.headerVersion;
    this.frames = version >= 6 ? numberOf(sub.maxMapnr64, `${file.name}: max_mapnr_64`) : header.maxMapnr;
    const bitmaps = (1 + header.subHdrSize) * PAGE_SIZE;
    const length = header.bitmapBlocks * PAGE_SIZE;
    // Two bitmaps of equal size, or one if half of the space has too few bits for the frames (libkdumpfile diskdump.c).
    const single = this.frames > length * 4;
    const half = single ? length : length / 2;
    this.#memory = new Bitmap(file, bitmaps, half, 'bitmap of memory');
    this.#dumped = single ? this.#memory : new Bitmap(file, bitmaps + half, half, 'bitmap of dumped pages');
    this.#descriptors = new Descriptors(file, bitmaps + length);
    this.#checkCount(bitmaps + length);
    this.physBase = BigInt.asIntN(64, bigintOf(sub.physBase));
    const notes = version >= 4 ? this.#area(sub.offsetNote, sub.sizeNote, MOST_NOTE_BYTES, 'notes') : null;
    this.notes = notes === null ? [] : parseNotes(notes);
    refuseXen(file, this.notes);
    const named =
      version >= 3 ? this.#area(sub.offsetVmcoreinfo, sub.sizeVmcoreinfo, MOST_VMCOREINFO_BYTES, 'VMCOREINFO') : null;
    this.vmcoreinfo = named ?? this.notes.find(({ name }) => name === 'VMCOREINFO')?.desc ?? null;
    const marker = this.notes.find(({ name }) => name === EXCERPT_NOTE);
    this.isExcerpt = marker !== undefined;
    this.#facts = marker === undefined ? null : readExcerptNote(marker.desc);
    // The bitmaps of an excerpt end at the last frame that it contains, which is not the end of memory.
    this.limit = this.#facts === null ? this.frames : this.#facts.limit;
    const incomplete = (header.status & STATUS_INCOMPLETE) !== 0;
    this.problems = incomplete
      ? [{ message: `${file.name} is incomplete: makedumpfile was stopped, or ran out of space` }]
      : [];
    if (version >= 2 && sub.split !== 0) this.part = partOf(header, sub);
    this.description = `kdump-compressed version ${version}${incomplete ? ', incomplete' : ''}${this.isExcerpt ? ', an excerpt' : ''}`;
  }

  /** Loads the decoders that the header or the first descriptors name. Loading is asynchronous, reading is not. */
  async load(): Promise<void> {
    const flags = this.header.status | this.#descriptors.flags;
    for (const [flag, name] of CODEC_OF_FLAG)
      if (flag === PAGE_ZLIB || (flags & flag) !== 0 || flag === PAGE_LZO)
        this.#decoders.set(flag, await codecs[name]());
  }

  page(frame: Pfn): DataView | FrameGap {
    const found = this.#find(frame);
    if ('reason' in found) return found;
    const { at, offset, size, flags } = found;
    return this.#decode(flags, this.file.read(offset, size, 'page'), size, at);
  }

  gap(frame: Pfn): FrameGap | null {
    const found = this.#find(frame);
    return 'reason' in found ? found : null;
  }

  /** The descriptor of a page whose data is in the file, or why there is none. */
  #find(frame: Pfn): Descriptor | FrameGap {
    if (frame >= this.frames && this.#facts === null)
      return { reason: 'outside', message: `the machine's memory ends at frame 0x${this.frames.toString(16)}` };
    if (this.#dumped.has(frame)) return this.#isHere(frame) ? this.#dumpedPage(frame) : ELSEWHERE;
    if (this.#facts !== null) return excerptGap(this.#facts, frame);
    return this.#memory.has(frame)
      ? { reason: 'excluded', message: 'makedumpfile left this page out of the dump', by: 'makedumpfile' }
      : NOT_COVERED;
  }

  gapEnd(frame: Pfn, most: number): number {
    if (this.#facts !== null) return excerptGapEnd(this.#facts, frame, this.#dumped.runEnd(frame, false, most));
    if (frame >= this.frames) return most;
    const dumped = this.#dumped.has(frame);
    const end = Math.min(
      this.#dumped.runEnd(frame, dumped, most),
      dumped ? most : this.#memory.runEnd(frame, this.#memory.has(frame), most),
      this.frames,
    );
    if (!dumped) return end;
    // A page that this part should have is missing for a reason of its own.
    return this.#isHere(frame) ? frame + 1 : Math.min(end, frame < this.#start ? this.#start : Infinity);
  }

  /** The first frame of this part of a split dump; 0 for a whole dump. */
  get #start(): number {
    return this.part?.start ?? 0;
  }

  #isHere(frame: Pfn): boolean {
    return this.part === undefined || (frame >= this.part.start && frame < this.part.end);
  }

  #dumpedPage(frame: Pfn): Descriptor | FrameGap {
    // The bitmaps of a part are those of the whole dump, but its descriptors begin with that of its first frame.
    const before = this.part === undefined ? 0 : this.#before(this.part.start);
    const found = this.#descriptors.at(this.#dumped.rank(frame) - before);
    if ('reason' in found) return found;
    const { at, offset, size } = found;
    if (size > 2 * PAGE_SIZE) return undecodable(at, `${size} bytes are too many for a page`);
    return offset + size > this.file.size ? cutOff('page', offset) : found;
  }

  #decode(flags: number, data: Bytes, size: number, at: number): DataView | FrameGap {
    if (flags === 0)
      return size === PAGE_SIZE ? data.view : undecodable(at, `an uncompressed page can't have ${size} bytes`);
    const decode = this.#decoders.get(flags);
    if (decode === undefined) return undecodable(at, `unknown compression 0x${flags.toString(16)}`);
    const page = decode(data.array(), PAGE_SIZE);
    const where = `0x${Number(data.place.offset).toString(16)}`;
    if (page === null)
      return undecodable(at, `its data at ${where} is not a ${CODEC_OF_FLAG.get(flags)} page of ${PAGE_SIZE} bytes`);
    return new DataView(page.buffer, page.byteOffset, PAGE_SIZE);
  }

  /**
   * The pages' data follows the descriptors, of which there is one for each bit set in the bitmap. If that does not add
   * up, a bit or the header is damaged, and each later page would be taken for that of another frame.
   */
  #checkCount(table: number): void {
    const { first } = this.#descriptors;
    if (first === 0 || this.#dumped.length > COUNTED) return;
    const count = this.#dumped.total();
    const gap = first - (table + count * PAGE_DESCRIPTOR_SIZE);
    // If no descriptor of the zero page was among the first, the zero page is before the first page that was found.
    if (
      gap !== 0 &&
      gap !== PAGE_SIZE &&
      (isWholeDescriptors(gap) || isWholeDescriptors(gap - PAGE_SIZE)) &&
      !isPadded(first, gap)
    )
      throw new DumpError(
        `${this.file.name}: its bitmap has ${count} pages, but its page descriptors end at 0x${first.toString(16)}, which does not match that number`,
        {
          hint: 'one of the two is damaged, so it is not known which page is which',
        },
      );
  }

  *present(): Generator<Pfn> {
    for (const frame of this.#dumped.ones()) yield pfn(frame);
  }

  /** Number of pages of the whole dump below a frame, which may be past the end of the bitmap. */
  #before(frame: number): number {
    const last = this.#dumped.length * 8;
    return frame < last ? this.#dumped.rank(frame) : this.#dumped.total();
  }

  /** Number of pages from frame `start` to `end` - 1 in the whole dump, its other parts included. */
  pagesOf(start: number, end: number): number {
    return this.#before(end) - this.#before(start);
  }

  /** An area that the sub-header points to, cut to `most` bytes; null if there is none, or it is outside the file. */
  #area(offset: SubHeaderWord, size: SubHeaderWord, most: number, what: string): Bytes | null {
    const start = Number(bigintOf(offset));
    const length = Number(bigintOf(size));
    if (start === 0 || length === 0 || start + length > this.file.size) return null;
    return this.file.read(start, Math.min(length, most), what);
  }
}

/** Which part of a split dump a file is (makedumpfile diskdump_mod.h). Since version 6 in 64-bit fields. */
function partOf(header: KdumpHeader, sub: KdumpSubHeader): SplitPart {
  const wide = header.headerVersion >= 6;
  const [start, end] = wide ? [sub.startPfn64, sub.endPfn64] : [sub.startPfn, sub.endPfn];
  const frames = wide ? bigintOf(sub.maxMapnr64) : BigInt(header.maxMapnr);
  const text = (field: Uint8Array): string => printable(latin1(field).replace(/\0.*$/s, ''));
  const { nodename, release } = header.utsname;
  const taken = Buffer.from(header.timestamp).readBigInt64LE(0);
  return {
    start: Number(bigintOf(start)),
    end: Number(bigintOf(end)),
    dump: `host ${text(nodename)}, kernel ${text(release)}, ${frames} frames, written at ${taken}`,
  };
}

/** /proc/vmcore leaves out both ranges (arch/x86/kernel/crash.c, elf_header_exclude_ranges). */
const NOT_COVERED: FrameGap = {
  reason: 'outside',
  message:
    "the dump does not cover this frame: it is not RAM, or /proc/vmcore leaves it out (the first MiB, the crash kernel's memory)",
};

const ELSEWHERE: FrameGap = {
  reason: 'cut-off',
  message: 'the page is in a part of the split dump that was not given',
  remedies: ['all-parts'],
};
