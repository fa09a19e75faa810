// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, type Pfn, pfn } from '../core/address.js';
import type { Bytes } from '../core/bytes.js';
import type { ByteSource, FrameGap } from '../core/memory.js';
import type { Piece, PieceMap } from './pieces.js';

/** Part of a page, from its byte `from` on: the bytes, or why the dump does not have them. */
export interface PagePart {
  readonly from: number;
  readonly length: number;
  readonly bytes: Bytes | null;
  readonly gap: FrameGap | null;
}

/** Reads pages from a file that contains uncompressed ranges of memory. */
export class PieceReader {
  constructor(
    readonly file: ByteSource,
    readonly pieces: PieceMap,
  ) {}

  /** The page's bytes, or why there are none. A page that is only partly in the dump is a gap: the rest is unknown. */
  page(frame: Pfn): DataView | FrameGap {
    const offset = this.#offsetOf(frame);
    if (offset === undefined) return this.#compose(frame);
    return offset + PAGE_SIZE > this.file.size ? this.#cutOff(offset) : this.file.read(offset, PAGE_SIZE, 'page').view;
  }

  /** Reads as many pages as `target` is long, if one piece of the file has them all; else false. */
  stretch(frame: Pfn, target: Uint8Array): boolean {
    const { file, pieces } = this;
    const [start, length] = [frame * PAGE_SIZE, target.length];
    const piece = pieces.at(start);
    if (piece?.file === undefined || start + length > piece.end) return false;
    const offset = piece.file + (start - piece.start);
    if (offset + length > file.size || file.readInto === undefined) return false;
    file.readInto(target, offset, 'pages');
    return true;
  }

  /** Why a page is not present as a whole; null if it is. */
  gap(frame: Pfn): FrameGap | null {
    const offset = this.#offsetOf(frame);
    if (offset !== undefined) return offset + PAGE_SIZE > this.file.size ? this.#cutOff(offset) : null;
    const page = this.#compose(frame);
    return page instanceof DataView ? null : page;
  }

  /** File offset of a page that one piece of the file holds as a whole; undefined if none does. */
  #offsetOf(frame: Pfn): number | undefined {
    const start = frame * PAGE_SIZE;
    const piece = this.pieces.at(start);
    if (piece?.file === undefined || start + PAGE_SIZE > piece.end) return undefined;
    return piece.file + (start - piece.start);
  }

  *present(): Generator<Pfn> {
    let next = 0;
    for (const { start, end, file } of this.pieces.all()) {
      if (file === undefined) continue;
      for (let frame = Math.max(next, Math.floor(start / PAGE_SIZE)); frame * PAGE_SIZE < end; frame++) {
        yield pfn(frame);
        next = frame + 1;
      }
    }
  }

  /** For a frame of which the file has nothing: the first frame after it that may be different; Infinity if none is. */
  gapEnd(frame: Pfn): number {
    const piece = this.pieces.atOrAfter(frame * PAGE_SIZE);
    if (piece === undefined) return Infinity;
    const inside = piece.start <= frame * PAGE_SIZE;
    return Math.max(frame + 1, Math.floor((inside ? piece.end : piece.start) / PAGE_SIZE));
  }

  /** The parts of a page that is not present as a whole. */
  parts(frame: Pfn): PagePart[] {
    const start = frame * PAGE_SIZE;
    const parts: PagePart[] = [];
    let at = 0;
    for (const piece of this.pieces.within(start, start + PAGE_SIZE)) {
      const from = Math.max(piece.start - start, 0);
      if (from > at) parts.push({ from: at, length: from - at, bytes: null, gap: NOWHERE });
      at = Math.min(piece.end - start, PAGE_SIZE);
      parts.push(this.#part(piece, start, from, at - from));
    }
    if (at < PAGE_SIZE) parts.push({ from: at, length: PAGE_SIZE - at, bytes: null, gap: NOWHERE });
    return parts;
  }

  #part(piece: Piece, start: number, from: number, length: number): PagePart {
    if (piece.file === undefined) return { from, length, bytes: null, gap: LEFT_OUT };
    const offset = piece.file + (start + from - piece.start);
    if (offset + length > this.file.size) return { from, length, bytes: null, gap: this.#cutOff(offset) };
    return { from, length, bytes: this.file.read(offset, length, 'page'), gap: null };
  }

  /** A page that is covered by more than one piece. */
  #compose(frame: Pfn): DataView | FrameGap {
    const parts = this.parts(frame);
    const known = parts.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0);
    if (known < PAGE_SIZE) return reasonOf(parts, known);
    const whole = new Uint8Array(PAGE_SIZE);
    for (const { from, bytes } of parts) if (bytes !== null) whole.set(bytes.array(), from);
    return new DataView(whole.buffer);
  }

  #cutOff(offset: number): FrameGap {
    return {
      reason: 'cut-off',
      message: `the dump is truncated: the page should be at 0x${offset.toString(16)}, but the file ends at 0x${this.file.size.toString(16)}`,
    };
  }
}

const NOWHERE: FrameGap = { reason: 'outside', message: 'no segment of the dump covers this frame' };
/** Zeros according to the gABI; but makedumpfile -E leaves out pages in this way, pages of zeros among them. */
const LEFT_OUT: FrameGap = {
  reason: 'excluded',
  message: 'the dump has no contents for this frame (p_filesz ends before it)',
};

function reasonOf(parts: readonly PagePart[], known: number): FrameGap {
  const gaps = parts.flatMap(({ gap }) => (gap === null ? [] : [gap]));
  const cut = gaps.find(({ reason }) => reason === 'cut-off');
  if (cut !== undefined) return cut;
  if (known > 0) return { reason: 'outside', message: `only ${known} bytes of this page are in the dump` };
  return gaps.find(({ reason }) => reason === 'excluded') ?? NOWHERE;
}
