// SPDX-License-Identifier: Apache-2.0
import { ftruncateSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import { PAGE_SIZE } from '../core/address.js';
import { KDUMP_MAGIC, PAGE_DESCRIPTOR_SIZE, PAGE_ZLIB } from '../dump/layout/kdump.js';
import { descOf, type NewNote, noteBytes } from './notes.js';
import { Appender, writeAll } from './out-file.js';

/** Frames that follow each other. */
export interface FrameRun {
  readonly first: number;
  readonly pages: number;
}

/** What a kdump file is about. */
export interface KdumpDetails {
  /** The six texts of struct new_utsname. Readers need the first five. */
  readonly uts: readonly string[];
  readonly physBase: bigint;
  readonly notes: readonly NewNote[];
  /** The machine's last frame plus one. */
  readonly limit: number;
  /** Most pages that are added; `isExact`: all of them will be. */
  readonly most: number;
  readonly isExact: boolean;
  /** makedumpfile's number for what was left out. */
  readonly level: number;
  /** Of zlib, 1 to 9. */
  readonly compression: number;
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
  processors: 460,
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
/** Type of the note of a processor (elf.h). */
const NT_PRSTATUS = 1;
/** Bytes after a table with free entries, so that the gap before the pages is not taken for entries that were lost. */
const UNEVEN = 8;

/**
 * Writes a kdump-compressed file, version 6, zlib: header, sub-header with the notes, bitmaps, descriptors, pages. Blocks of
 * the bitmaps without a bit set are holes in the file and take no space on disk.
 */
export class KdumpSink {
  readonly #descriptor: number;
  readonly #details: KdumpDetails;
  readonly #notes: Uint8Array;
  readonly #subBlocks: number;
  readonly #bitmapBytes: number;
  readonly #pages: Appender;
  readonly #table: Appender;
  readonly #entry = Buffer.alloc(PAGE_DESCRIPTOR_SIZE);
  #count: number;

  /** `position`, `count`: of a file that was begun: where its data ends, and the number of its pages. */
  constructor(
    descriptor: number,
    details: KdumpDetails,
    { position, count }: { position: number | null; count: number } = NEW,
  ) {
    this.#descriptor = descriptor;
    this.#details = details;
    this.#notes = noteBytes(details.notes);
    this.#subBlocks = Math.ceil((SUB_HEADER_SIZE + this.#notes.length) / PAGE_SIZE);
    this.#bitmapBytes = Math.ceil(details.limit / 8 / PAGE_SIZE) * PAGE_SIZE;
    const table = this.#bitmaps + 2 * this.#bitmapBytes;
    this.#pages = new Appender(
      descriptor,
      position ?? table + details.most * PAGE_DESCRIPTOR_SIZE + (details.isExact ? 0 : UNEVEN),
    );
    this.#table = new Appender(descriptor, table + count * PAGE_DESCRIPTOR_SIZE);
    this.#count = count;
  }

  get #bitmaps(): number {
    return (1 + this.#subBlocks) * PAGE_SIZE;
  }

  /** Where the data of the next page will be. */
  get position(): number {
    return this.#pages.position;
  }

  /** Adds pages; frames ascend. */
  add(_frame: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += PAGE_SIZE) this.#addPage(bytes.subarray(at, at + PAGE_SIZE));
  }

  #addPage(raw: Uint8Array): void {
    const packed = deflateSync(raw, { level: this.#details.compression });
    const data = packed.length < PAGE_SIZE ? packed : raw;
    this.#entry.writeBigUInt64LE(BigInt(this.#pages.position), 0);
    this.#entry.writeUInt32LE(data.length, 8);
    this.#entry.writeUInt32LE(data === packed ? PAGE_ZLIB : 0, 12);
    this.#table.add(this.#entry);
    this.#pages.add(data);
    this.#count++;
  }

  /** Writes what has been collected. */
  flush(): void {
    this.#pages.flush();
    this.#table.flush();
  }

  /** Writes the rest. `memory`: the frames that the machine has; `written`: those that were added. */
  finish(memory: readonly FrameRun[], written: readonly FrameRun[]): void {
    this.flush();
    writeAll(this.#descriptor, this.#header(), 0);
    writeAll(this.#descriptor, this.#subHeader(), PAGE_SIZE);
    this.#writeBitmap(this.#bitmaps, memory);
    this.#writeBitmap(this.#bitmaps + this.#bitmapBytes, written);
    ftruncateSync(this.#descriptor, this.#pages.position);
  }

  #header(): Uint8Array {
    const { uts, limit } = this.#details;
    const block = Buffer.alloc(PAGE_SIZE);
    block.writeUInt32LE(KDUMP_MAGIC[0], 0);
    block.writeUInt32LE(KDUMP_MAGIC[1], 4);
    block.writeInt32LE(VERSION, HEADER.version);
    for (const [i, text] of uts.entries()) block.write(text, HEADER.uts + i * 65, 64, 'latin1');
    block.writeUInt32LE(PAGE_ZLIB, HEADER.status);
    block.writeInt32LE(PAGE_SIZE, HEADER.blockSize);
    block.writeInt32LE(this.#subBlocks, HEADER.subBlocks);
    block.writeUInt32LE((2 * this.#bitmapBytes) / PAGE_SIZE, HEADER.bitmapBlocks);
    block.writeUInt32LE(Math.min(limit, 0xffffffff), HEADER.maxMapnr);
    block.writeUInt32LE(Math.min(this.#count, 0xffffffff), HEADER.ramBlocks);
    const processors = this.#details.notes.filter(({ name, type }) => name === 'CORE' && type === NT_PRSTATUS).length;
    block.writeUInt32LE(processors, HEADER.processors);
    return block;
  }

  #subHeader(): Uint8Array {
    const { physBase, notes, limit, level } = this.#details;
    const block = Buffer.alloc(this.#subBlocks * PAGE_SIZE);
    const noteStart = PAGE_SIZE + SUB_HEADER_SIZE;
    const vmcoreinfo = descOf(notes, 'VMCOREINFO');
    block.writeBigInt64LE(physBase, SUB.physBase);
    block.writeInt32LE(level, SUB.level);
    if (vmcoreinfo !== null) {
      block.writeBigUInt64LE(BigInt(noteStart + vmcoreinfo.offset), SUB.vmcoreinfo);
      block.writeBigUInt64LE(BigInt(vmcoreinfo.length), SUB.vmcoreinfoSize);
    }
    block.writeBigUInt64LE(BigInt(noteStart), SUB.note);
    block.writeBigUInt64LE(BigInt(this.#notes.length), SUB.noteSize);
    block.writeBigUInt64LE(BigInt(limit), SUB.maxMapnr);
    block.set(this.#notes, SUB_HEADER_SIZE);
    return block;
  }

  /** Writes a bitmap block by block, only blocks with a bit set. */
  #writeBitmap(start: number, runs: readonly FrameRun[]): void {
    const bits = PAGE_SIZE * 8;
    const block = new Uint8Array(PAGE_SIZE);
    let index = -1;
    const write = (): void => {
      if (index >= 0) writeAll(this.#descriptor, block, start + index * PAGE_SIZE);
      block.fill(0);
    };
    for (const { first, pages } of runs)
      for (let frame = first; frame < first + pages; frame++) {
        const now = Math.floor(frame / bits);
        if (now !== index) write();
        index = now;
        const bit = frame % bits;
        block[bit >> 3] = (block[bit >> 3] as number) | (1 << (bit & 7));
      }
    write();
  }
}

const NEW = { position: null, count: 0 };
