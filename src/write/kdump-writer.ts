// SPDX-License-Identifier: Apache-2.0
import { closeSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { PAGE_SIZE, type Pfn } from '../core/address.js';
import { KDUMP_MAGIC, PAGE_DESCRIPTOR_SIZE, PAGE_ZLIB } from '../dump/layout/kdump.js';
import { descOf, type NewNote, noteBytes } from './notes.js';

/** Contents of a kdump file to be written. */
export interface KdumpContents {
  /** The six texts of struct new_utsname. Readers need the first five. */
  readonly uts: readonly string[];
  readonly physBase: bigint;
  readonly notes: readonly NewNote[];
  /** Ascending. */
  readonly frames: readonly Pfn[];
  readonly page: (frame: Pfn) => Uint8Array;
}

const SUB_HEADER_SIZE = 104;
/** Offsets in the header and the sub-header (parsers/kdump_header.ksy, kdump_sub_header.ksy). */
const HEADER = {
  version: 8,
  uts: 12,
  status: 424,
  blockSize: 428,
  subBlocks: 432,
  bitmapBlocks: 436,
  maxMapnr: 440,
  ramBlocks: 444,
} as const;
const SUB = {
  physBase: 0,
  level: 8,
  vmcoreinfo: 32,
  vmcoreinfoSize: 40,
  note: 48,
  noteSize: 56,
  maxMapnr: 96,
} as const;
const VERSION = 6;
const EVERYTHING_LEFT_OUT = 31;
/** Pages written per turn of the event loop. */
const PAGES_PER_TURN = 64;

/**
 * Writes a kdump-compressed file, version 6, zlib: header, sub-header with the notes, bitmaps, descriptors, pages.
 * Blocks of the bitmaps without a bit set are holes in the file and take no space on disk. A file at
 * `path` is overwritten.
 */
export async function writeKdump(path: string, contents: KdumpContents): Promise<void> {
  const descriptor = openSync(path, 'w', 0o600);
  try {
    const plan = planOf(contents);
    writeAll(descriptor, header(contents, plan), 0);
    writeAll(descriptor, subHeader(contents, plan), PAGE_SIZE);
    for (const start of [plan.bitmaps, plan.bitmaps + plan.bitmapBytes])
      writeBitmap(descriptor, start, contents.frames);
    await writePages(descriptor, contents, plan.descriptors);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

interface Plan {
  readonly notes: Uint8Array;
  readonly subBlocks: number;
  readonly bitmaps: number;
  /** Size of each of the two bitmaps. */
  readonly bitmapBytes: number;
  readonly descriptors: number;
  readonly maxMapnr: number;
}

function planOf({ frames, notes }: KdumpContents): Plan {
  const area = noteBytes(notes);
  const subBlocks = Math.ceil((SUB_HEADER_SIZE + area.length) / PAGE_SIZE);
  const maxMapnr = (frames.at(-1) ?? 0) + 1;
  const bitmaps = (1 + subBlocks) * PAGE_SIZE;
  const bitmapBytes = Math.ceil(maxMapnr / 8 / PAGE_SIZE) * PAGE_SIZE;
  return { notes: area, subBlocks, bitmaps, bitmapBytes, descriptors: bitmaps + 2 * bitmapBytes, maxMapnr };
}

function header({ uts, frames }: KdumpContents, plan: Plan): Uint8Array {
  const block = Buffer.alloc(PAGE_SIZE);
  block.writeUInt32LE(KDUMP_MAGIC[0], 0);
  block.writeUInt32LE(KDUMP_MAGIC[1], 4);
  block.writeInt32LE(VERSION, HEADER.version);
  for (const [i, text] of uts.entries()) block.write(text, HEADER.uts + i * 65, 64, 'latin1');
  block.writeUInt32LE(PAGE_ZLIB, HEADER.status);
  block.writeInt32LE(PAGE_SIZE, HEADER.blockSize);
  block.writeInt32LE(plan.subBlocks, HEADER.subBlocks);
  block.writeUInt32LE((2 * plan.bitmapBytes) / PAGE_SIZE, HEADER.bitmapBlocks);
  block.writeUInt32LE(Math.min(plan.maxMapnr, 0xffffffff), HEADER.maxMapnr);
  block.writeUInt32LE(frames.length, HEADER.ramBlocks);
  return block;
}

function subHeader({ physBase, notes }: KdumpContents, plan: Plan): Uint8Array {
  const block = Buffer.alloc(plan.subBlocks * PAGE_SIZE);
  const noteStart = PAGE_SIZE + SUB_HEADER_SIZE;
  const vmcoreinfo = descOf(notes, 'VMCOREINFO');
  block.writeBigInt64LE(physBase, SUB.physBase);
  block.writeInt32LE(EVERYTHING_LEFT_OUT, SUB.level);
  if (vmcoreinfo !== null) {
    block.writeBigUInt64LE(BigInt(noteStart + vmcoreinfo.offset), SUB.vmcoreinfo);
    block.writeBigUInt64LE(BigInt(vmcoreinfo.length), SUB.vmcoreinfoSize);
  }
  block.writeBigUInt64LE(BigInt(noteStart), SUB.note);
  block.writeBigUInt64LE(BigInt(plan.notes.length), SUB.noteSize);
  block.writeBigUInt64LE(BigInt(plan.maxMapnr), SUB.maxMapnr);
  block.set(plan.notes, SUB_HEADER_SIZE);
  return block;
}

/** Writes a bitmap block by block, only blocks with a bit set. */
function writeBitmap(descriptor: number, start: number, frames: readonly Pfn[]): void {
  const bits = PAGE_SIZE * 8;
  const block = Buffer.alloc(PAGE_SIZE);
  frames.forEach((frame, i) => {
    const index = Math.floor(frame / bits);
    const bit = frame - index * bits;
    block[bit >> 3] = (block[bit >> 3] as number) | (1 << (bit & 7));
    const next = frames[i + 1];
    if (next !== undefined && Math.floor(next / bits) === index) return;
    writeAll(descriptor, block, start + index * PAGE_SIZE);
    block.fill(0);
  });
}

async function writePages(descriptor: number, { frames, page }: KdumpContents, start: number): Promise<void> {
  const table = Buffer.alloc(frames.length * PAGE_DESCRIPTOR_SIZE);
  let at = start + table.length;
  for (const [i, frame] of frames.entries()) {
    if (i % PAGES_PER_TURN === 0) await eventLoopTurn();
    const raw = page(frame);
    const packed = deflateSync(raw, { level: 9 });
    const data = packed.length < PAGE_SIZE ? packed : raw;
    table.writeBigUInt64LE(BigInt(at), i * PAGE_DESCRIPTOR_SIZE);
    table.writeUInt32LE(data.length, i * PAGE_DESCRIPTOR_SIZE + 8);
    table.writeUInt32LE(data === packed ? PAGE_ZLIB : 0, i * PAGE_DESCRIPTOR_SIZE + 12);
    writeAll(descriptor, data, at);
    at += data.length;
  }
  writeAll(descriptor, table, start);
  ftruncateSync(descriptor, at);
}

/** Writes all of `data`; a single write may take only a part. */
function writeAll(descriptor: number, data: Uint8Array, position: number): void {
  for (let done = 0; done < data.length; )
    done += writeSync(descriptor, data, done, data.length - done, position + done);
}
