// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../../core/errors.js';
import type { ByteSource } from '../../core/memory.js';
import type { DumpFormat, PageReader } from '../image.js';
import { PieceReader } from '../piece-reader.js';
import { PieceMap } from '../pieces.js';

/** 'EMiL' ("Lime" file format, doc/README.md of LiME). */
const LIME_MAGIC = 0x4c694d45;
/** Size in bytes: magic, version, first and last address, 8 reserved bytes. */
const LIME_HEADER = 32;
/** A machine has a few dozen ranges of memory. */
const MOST_RANGES = 65_536;

interface Segment {
  readonly offset: number;
  readonly paddr: number;
  readonly filesz: number;
  readonly memsz: number;
}

/** Uncompressed physical memory from address 0 on. It can't be recognised, so the user must state it. */
export const raw: DumpFormat = {
  name: 'raw',
  probe: () => false,
  open: (file) => readerOf(file, 'raw physical memory', [{ offset: 0, paddr: 0, filesz: file.size, memsz: file.size }]),
};

/** The format of LiME (Linux Memory Extractor): ranges of memory, each after a header. */
export const lime: DumpFormat = {
  name: 'lime',
  probe: (start) => start.length >= LIME_HEADER && start.u32(0) === LIME_MAGIC && start.u32(4) === 1,
  open: (file) => readerOf(file, 'LiME', rangesOf(file)),
};

function rangesOf(file: ByteSource): Segment[] {
  const ranges: Segment[] = [];
  for (let at = 0; at + LIME_HEADER <= file.size; ) {
    const header = file.read(at, LIME_HEADER, 'LiME header');
    const [first, last] = [header.u53(8), header.u53(16)];
    if (header.u32(0) !== LIME_MAGIC || last < first || ranges.length === MOST_RANGES)
      throw header.error(0, `invalid header of a memory range (0x${first.toString(16)} to 0x${last.toString(16)})`);
    const size = last - first + 1;
    ranges.push({ offset: at + LIME_HEADER, paddr: first, filesz: size, memsz: size });
    at += LIME_HEADER + size;
  }
  return ranges;
}

function readerOf(file: ByteSource, name: string, segments: readonly Segment[]): PageReader {
  if (segments.length === 0) throw new DumpError(`${file.name}: no memory in this dump`, { code: 'not-a-dump' });
  const map = new PieceMap(segments);
  const pieces = new PieceReader(file, map);
  const end = segments.reduce((most, { offset, filesz }) => Math.max(most, offset + filesz), 0);
  return {
    description: `${name}, ${segments.length} ranges`,
    vmcoreinfo: null,
    notes: [],
    physBase: null,
    limit: map.frames,
    problems:
      end > file.size
        ? [
            {
              message: `${file.name} is truncated: 0x${(end - file.size).toString(16)} bytes of its last range are missing`,
            },
          ]
        : [],
    page: (frame) => pieces.page(frame),
    stretch: (frame, target) => pieces.stretch(frame, target),
    gap: (frame) => pieces.gap(frame),
    parts: (frame) => pieces.parts(frame),
    gapEnd: (frame) => pieces.gapEnd(frame),
    present: () => pieces.present(),
  };
}
