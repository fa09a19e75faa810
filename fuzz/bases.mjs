// SPDX-License-Identifier: Apache-2.0
// The fixtures in the forms that are mutated, with where their structures lie in the file.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openImage } from '../dist/index.js';

const PAGE = 4096;
const DESCRIPTOR = 24;
/** Where the kernel's own vmcore says that memory is mapped. */
const DIRECT_MAP = 0xffff888000000000n;

/** Regions of a kdump file by name: [start, end]. */
function kdumpRegions(file) {
  const sub = file.readInt32LE(432);
  const bitmapBlocks = file.readUInt32LE(436);
  const bitmaps = (1 + sub) * PAGE;
  const table = bitmaps + bitmapBlocks * PAGE;
  const data = Number(file.readBigUInt64LE(table));
  return {
    header: [0, 464],
    'sub-header': [PAGE, PAGE + 104],
    notes: [PAGE + 104, PAGE + 104 + Number(file.readBigUInt64LE(PAGE + 56))],
    'bitmap of memory': [bitmaps, bitmaps + (bitmapBlocks * PAGE) / 2],
    'bitmap of pages': [bitmaps + (bitmapBlocks * PAGE) / 2, table],
    descriptors: [table, data],
    pages: [data, file.length],
  };
}

/** The frames whose pages a kdump file has. */
function framesOf(file) {
  const {
    'bitmap of pages': [start, end],
  } = kdumpRegions(file);
  const frames = [];
  for (let at = start; at < end; at++)
    for (let bit = 0; file[at] >> bit; bit++) if ((file[at] >> bit) & 1) frames.push((at - start) * 8 + bit);
  return frames;
}

/** The same kdump file with its pages as they are: a byte of it is a byte of memory. */
function rawKdump(file, pages) {
  const {
    descriptors: [table, data],
  } = kdumpRegions(file);
  const head = Buffer.from(file.subarray(0, data));
  head.writeUInt32LE(head.readUInt32LE(424) & 8, 424);
  pages.forEach((_, i) => {
    head.writeBigUInt64LE(BigInt(data + i * PAGE), table + i * DESCRIPTOR);
    head.writeUInt32LE(PAGE, table + i * DESCRIPTOR + 8);
    head.writeUInt32LE(0, table + i * DESCRIPTOR + 12);
  });
  return Buffer.concat([head, ...pages]);
}

/** An ELF core of the same pages. */
function elf(frames, pages, vmcoreinfo) {
  const runs = [];
  frames.forEach((frame, i) => {
    const last = runs.at(-1);
    if (last !== undefined && last.frame + last.pages.length === frame) last.pages.push(pages[i]);
    else runs.push({ frame, pages: [pages[i]] });
  });
  const note = Buffer.concat([Buffer.alloc(12), Buffer.from('VMCOREINFO\0\0'), vmcoreinfo]);
  note.writeUInt32LE(11, 0);
  note.writeUInt32LE(vmcoreinfo.length, 4);
  const notes = 64 + 56 * (runs.length + 1);
  const start = Math.ceil((notes + note.length) / PAGE) * PAGE;
  const head = Buffer.alloc(start);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  head.writeUInt16LE(4, 16);
  head.writeUInt16LE(62, 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(64n, 32);
  head.writeUInt16LE(64, 52);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(runs.length + 1, 56);
  const place = (i, type, offset, paddr, size) => {
    head.writeUInt32LE(type, 64 + i * 56);
    const words = [offset, type === 1 ? DIRECT_MAP + BigInt(paddr) : 0, paddr, size, size];
    for (const [j, value] of words.entries()) head.writeBigUInt64LE(BigInt(value), 64 + i * 56 + 8 + j * 8);
  };
  place(0, 4, notes, 0, note.length);
  note.copy(head, notes);
  let at = start;
  runs.forEach(({ frame, pages: own }, i) => {
    place(i + 1, 1, at, frame * PAGE, own.length * PAGE);
    at += own.length * PAGE;
  });
  const regions = {
    header: [0, 64],
    'program headers': [64, notes],
    notes: [notes, notes + note.length],
    pages: [start, at],
  };
  return { file: Buffer.concat([head, ...pages]), regions };
}

/** makedumpfile's flattened form of a file, in records of 64 KiB. */
function flattened(file, regions) {
  const SIZE = 0x10000;
  const head = Buffer.alloc(PAGE);
  head.write('makedumpfile', 'latin1');
  head.writeBigInt64BE(1n, 16);
  head.writeBigInt64BE(1n, 24);
  const parts = [head];
  const records = [];
  let at = PAGE;
  const record = (offset, size) => {
    const bytes = Buffer.alloc(16);
    bytes.writeBigInt64BE(BigInt(offset), 0);
    bytes.writeBigInt64BE(BigInt(size), 8);
    records.push([at, at + 16]);
    at += 16 + Math.max(0, size);
    parts.push(bytes);
  };
  const moved = (offset) => PAGE + offset + 16 * (Math.floor(offset / SIZE) + 1);
  for (let from = 0; from < file.length; from += SIZE) {
    const piece = file.subarray(from, from + SIZE);
    record(from, piece.length);
    parts.push(piece);
  }
  record(-1, -1);
  const own = Object.fromEntries(
    ['header', 'sub-header', 'descriptors'].map((name) => [name, regions[name].map(moved)]),
  );
  return { file: Buffer.concat(parts), regions: { ...own, records, pages: [moved(regions.pages[0]), at - 16] } };
}

/** One fixture in every form. */
export async function basesOf(folder) {
  const path = join(folder, 'vmcore.kdump');
  const file = readFileSync(path);
  const regions = kdumpRegions(file);
  const frames = framesOf(file);
  const { memory, close } = await openImage(path);
  const pages = frames.map((frame) => Buffer.from([...memory.read(frame * PAGE, PAGE)][0].bytes));
  const vmcoreinfo = Buffer.from(memory.image.reader.vmcoreinfo.array());
  close();
  const raw = rawKdump(file, pages);
  return {
    frames,
    forms: {
      kdump: { file, regions },
      'raw kdump': { file: raw, regions: kdumpRegions(raw), plain: true },
      'flattened kdump': flattened(file, regions),
      ELF: { ...elf(frames, pages, vmcoreinfo), plain: true },
    },
  };
}
