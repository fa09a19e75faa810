// SPDX-License-Identifier: Apache-2.0
// Writes dump files. It shares no code with src/write or the readers.
import { deflateSync } from 'node:zlib';
import { snappyCompress } from 'hysnappy';

export interface Note {
  readonly name: string;
  readonly type: number;
  readonly desc: Uint8Array;
}

export function notes(list: readonly Note[]): Buffer {
  const pad = (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  return Buffer.concat(
    list.flatMap(({ name, type, desc }) => {
      const head = Buffer.alloc(12);
      head.writeUInt32LE(name.length + 1, 0);
      head.writeUInt32LE(desc.length, 4);
      head.writeUInt32LE(type, 8);
      return [head, pad(Buffer.from(`${name}\0`, 'latin1')), pad(desc)];
    }),
  );
}

export interface Segment {
  readonly paddr: number;
  readonly bytes: Uint8Array;
  readonly memsz?: number;
  readonly vaddr?: bigint;
}

export interface ElfWish {
  readonly segments: readonly Segment[];
  readonly notes?: readonly Note[];
  /** Number of program headers without a type, before the others. */
  readonly empty?: number;
  readonly machine?: number;
  readonly type?: number;
}

/** An ELF core. If it has more than 65,534 program headers, their number is in section header 0. */
export function elfCore({ segments, notes: list = [], empty = 0, machine = 62, type = 4 }: ElfWish): Buffer {
  const noteBytes = notes(list);
  const count = empty + segments.length + 1;
  const extended = count >= 0xffff;
  const section = 64 + count * 56;
  let at = section + (extended ? 64 : 0);
  const header = Buffer.alloc(at);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(type, 16);
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(extended ? 0xffff : count, 56);
  if (extended) {
    header.writeBigUInt64LE(BigInt(section), 40);
    header.writeUInt16LE(64, 58);
    header.writeUInt16LE(1, 60);
    header.writeUInt32LE(count, section + 44);
  }
  const parts: Uint8Array[] = [header];
  const place = (index: number, kind: number, bytes: Uint8Array, paddr: number, vaddr: bigint, memsz: number): void => {
    const to = 64 + index * 56;
    header.writeUInt32LE(kind, to);
    header.writeBigUInt64LE(BigInt(at), to + 8);
    header.writeBigUInt64LE(vaddr, to + 16);
    header.writeBigUInt64LE(BigInt(paddr), to + 24);
    header.writeBigUInt64LE(BigInt(bytes.length), to + 32);
    header.writeBigUInt64LE(BigInt(memsz), to + 40);
    parts.push(bytes);
    at += bytes.length;
  };
  place(empty, 4, noteBytes, 0, 0n, 0);
  segments.forEach(({ paddr, bytes, memsz = bytes.length, vaddr = 0n }, i) => {
    place(empty + 1 + i, 1, bytes, paddr, vaddr, memsz);
  });
  return Buffer.concat(parts);
}

export type Packing = 'raw' | 'zlib' | 'lzo' | 'snappy' | 'zstd';
const FLAGS: Readonly<Record<Packing, number>> = { raw: 0, zlib: 1, lzo: 2, snappy: 4, zstd: 0x20 };

/** An LZO1X block that consists of literals. */
export function lzoLiterals(page: Uint8Array): Buffer {
  const more = page.length - 3 - 15;
  const zeros = Math.floor((more - 1) / 255);
  return Buffer.concat([
    Buffer.from([0]),
    Buffer.alloc(zeros),
    Buffer.from([more - zeros * 255]),
    page,
    Buffer.from([0x11, 0, 0]),
  ]);
}

/** A zstd frame of one raw block (RFC 8878). */
export function zstdRaw(page: Uint8Array): Buffer {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x60, 0, 0, 0, 0, 0]);
  head.writeUInt16LE(page.length - 256, 5);
  head.writeUIntLE((page.length << 3) | 1, 7, 3);
  return Buffer.concat([head, page]);
}

const PACK: Readonly<Record<Packing, (page: Uint8Array) => Uint8Array>> = {
  raw: (page) => page,
  zlib: (page) => deflateSync(page),
  lzo: lzoLiterals,
  snappy: snappyCompress,
  zstd: zstdRaw,
};

export interface KdumpWish {
  readonly version: number;
  readonly packing: Packing;
  /** Compresses a page, instead of the simple functions here. */
  readonly pack?: (page: Uint8Array) => Uint8Array;
  /** Pages by frame; null: memory that was left out; 'unwritten': a descriptor of zeros. */
  readonly pages: ReadonlyMap<number, Uint8Array | null | 'unwritten'>;
  readonly frames: number;
  readonly notes?: readonly Note[];
  /** VMCOREINFO in the sub-header, without notes. */
  readonly vmcoreinfo?: string;
  readonly singleBitmap?: boolean;
  readonly machine?: string;
  readonly status?: number;
  /** A part of a split dump: only the pages of these frames are in it, with their descriptors. */
  readonly part?: readonly [start: number, end: number];
  /** The time at which it was written. */
  readonly timestamp?: number;
}

/** A kdump-compressed file of any header version. */
export function kdump(wish: KdumpWish): Buffer {
  const { version, packing, pages, frames, pack = PACK[wish.packing] } = wish;
  const noteBytes = notes(wish.notes ?? []);
  const info = Buffer.from(wish.vmcoreinfo ?? '', 'latin1');
  const subBlocks = Math.ceil((104 + noteBytes.length + info.length) / 4096);
  const bitmapBlocks = Math.ceil(frames / 8 / 4096);
  const header = Buffer.alloc(4096);
  header.write('KDUMP   ', 0, 'latin1');
  header.writeInt32LE(version, 8);
  header.write(wish.machine ?? 'x86_64', 12 + 4 * 65, 'latin1');
  header.writeUInt32LE(wish.status ?? FLAGS[packing], 424);
  header.writeInt32LE(4096, 428);
  header.writeInt32LE(subBlocks, 432);
  header.writeUInt32LE(wish.singleBitmap ? bitmapBlocks : 2 * bitmapBlocks, 436);
  header.writeUInt32LE(version >= 6 ? 0 : frames, 440);
  const sub = Buffer.alloc(subBlocks * 4096);
  // Members that a version does not have yet contain garbage.
  if (version < 6) sub.fill(0xee, [8, 12, 16, 32, 48, 64, 80][Math.max(0, version)] ?? 8, 104);
  if (version >= 3)
    [info.length > 0 ? 4096 + 104 + noteBytes.length : 0, info.length].forEach((value, i) => {
      sub.writeBigUInt64LE(BigInt(value), 32 + i * 8);
    });
  if (version >= 4)
    [noteBytes.length > 0 ? 4096 + 104 : 0, noteBytes.length].forEach((value, i) => {
      sub.writeBigUInt64LE(BigInt(value), 48 + i * 8);
    });
  header.writeBigInt64LE(BigInt(wish.timestamp ?? 0), 408);
  if (version >= 2) sub.writeInt32LE(wish.part === undefined ? 0 : 1, 12);
  if (version >= 5) sub.fill(0, 64, 80);
  if (version >= 6) sub.writeBigUInt64LE(BigInt(frames), 96);
  const [start, end] = wish.part ?? [0, frames];
  if (version >= 2 && wish.part !== undefined)
    for (const [i, frame] of [start, end].entries())
      sub.writeBigUInt64LE(BigInt(frame), (version >= 6 ? 80 : 16) + i * 8);
  sub.set(noteBytes, 104);
  sub.set(info, 104 + noteBytes.length);
  const bitmaps = [Buffer.alloc(bitmapBlocks * 4096), Buffer.alloc(bitmapBlocks * 4096)] as const;
  const mark = (bitmap: Buffer, frame: number) =>
    bitmap.writeUInt8(bitmap.readUInt8(frame >> 3) | (1 << (frame & 7)), frame >> 3);
  const written = [...pages].sort(([a], [b]) => a - b).filter(([, page]) => page !== null);
  for (const [frame] of pages) mark(bitmaps[0], frame);
  for (const [frame] of written) mark(bitmaps[1], frame);
  const here = written.filter(([frame]) => frame >= start && frame < end);
  // A part has space for the descriptors of all parts.
  const descriptors = Buffer.alloc(written.length * 24);
  const data: Uint8Array[] = [];
  const kept = wish.singleBitmap ? [bitmaps[1]] : bitmaps;
  let at = 4096 + sub.length + kept.length * bitmapBlocks * 4096 + descriptors.length;
  here.forEach(([, page], i) => {
    if (page === 'unwritten' || page === null) return;
    const packed = pack(page);
    descriptors.writeBigUInt64LE(BigInt(at), i * 24);
    descriptors.writeUInt32LE(packed.length, i * 24 + 8);
    descriptors.writeUInt32LE(FLAGS[packing], i * 24 + 12);
    data.push(packed);
    at += packed.length;
  });
  return Buffer.concat([header, sub, ...kept, descriptors, ...data]);
}

/** A record of a flattened dump: bytes, and their offset in the file. */
export type Written = readonly [offset: number, bytes: Uint8Array];

/** A dump in makedumpfile's flattened form: `records` in this order, and the end mark unless `cut`. */
export function flattened(records: readonly Written[], cut = false): Buffer {
  const header = Buffer.alloc(4096);
  header.write('makedumpfile', 0, 'latin1');
  header.writeBigInt64BE(1n, 16);
  header.writeBigInt64BE(1n, 24);
  const record = (offset: bigint, size: bigint) => {
    const bytes = Buffer.alloc(16);
    bytes.writeBigInt64BE(offset, 0);
    bytes.writeBigInt64BE(size, 8);
    return bytes;
  };
  return Buffer.concat([
    header,
    ...records.flatMap(([offset, bytes]) => [record(BigInt(offset), BigInt(bytes.length)), bytes]),
    ...(cut ? [] : [record(-1n, -1n)]),
  ]);
}

/** A file's bytes as records of several sizes, not in order of their offsets. */
export function inPieces(file: Uint8Array, sizes: readonly number[]): Written[] {
  const records: Written[] = [];
  for (let at = 0, i = 0; at < file.length; i++) {
    const size = Math.min(sizes[i % sizes.length] as number, file.length - at);
    records.push([at, file.subarray(at, at + size)]);
    at += size;
  }
  return records;
}

/** Memory in LiME's form: each range has its own header. */
export function lime(ranges: readonly Segment[]): Buffer {
  return Buffer.concat(
    ranges.flatMap(({ paddr, bytes }) => {
      const header = Buffer.alloc(32);
      header.write('EMiL', 0, 'latin1');
      header.writeUInt32LE(1, 4);
      header.writeBigUInt64LE(BigInt(paddr), 8);
      header.writeBigUInt64LE(BigInt(paddr + bytes.length - 1), 16);
      return [header, bytes];
    }),
  );
}
