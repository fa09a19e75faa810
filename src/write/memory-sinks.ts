// SPDX-License-Identifier: Apache-2.0
// Formats of files that hold the memory of a machine. Pages are added in ascending order; what is known only at the end, like
// the number of segments, is written last, in a place that was left free.
import { ftruncateSync } from 'node:fs';
import { PAGE_SIZE } from '../core/address.js';
import type { FrameRun } from './kdump-sink.js';
import { type NewNote, noteBytes } from './notes.js';
import { Appender, writeAll } from './out-file.js';

/** Writes the pages of a machine's memory to a file. */
export interface MemorySink {
  /** Where the next page will be, for a file that is continued later. */
  readonly position: number;
  /** Adds one or more pages that follow each other: at most 1 MiB. */
  add(frame: number, bytes: Uint8Array): void;
  /** Writes what has been collected. */
  flush(): void;
  /**
   * Writes the rest. `memory`: the frames that the machine has; `written`: those that were added, as the longest runs;
   * `notes`: about the machine and what is missing.
   */
  finish(memory: readonly FrameRun[], written: readonly FrameRun[], notes: readonly NewNote[]): void;
}

/** What is known of a file that is continued: where its data ends, and which frames it has. */
export interface Begun {
  readonly position: number;
  readonly written: readonly FrameRun[];
}

const PT_LOAD = 1;
const PT_NOTE = 4;
const EHDR = 64;
const PHDR = 56;
const SHDR = 64;
/** With the one of the notes, 65,534 program headers: more of them need PN_XNUM, which few readers know. */
export const MOST_SEGMENTS = 65_533;
const PN_XNUM = 0xffff;
const READ_WRITE_EXECUTE = 7;
/** crash takes a file whose segments have an alignment for one of another format (netdump). */
const NO_ALIGNMENT = 0;
const align = (size: number, to: number): number => Math.ceil(size / to) * to;
const MOST_NOTES = 4 * 2 ** 20;
/** Program headers follow the ELF header, and the notes follow them; the memory begins after the place for the most of both. */
const MEMORY_AT = align(EHDR + (MOST_SEGMENTS + 1) * PHDR, PAGE_SIZE) + MOST_NOTES;

/**
 * An ELF core file: PT_NOTE, then a PT_LOAD for each run of frames, with p_filesz = p_memsz, so that what is missing is in no
 * segment. The free place between the headers and the notes, and after these, is a hole in the file.
 */
export class ElfSink implements MemorySink {
  readonly #descriptor: number;
  readonly #out: Appender;
  readonly #most: number;

  /** `most`: segments that e_phnum can count. */
  constructor(descriptor: number, begun: Begun | null, most = MOST_SEGMENTS) {
    this.#descriptor = descriptor;
    this.#out = new Appender(descriptor, begun?.position ?? MEMORY_AT);
    this.#most = most;
  }

  get position(): number {
    return this.#out.position;
  }

  add(_frame: number, bytes: Uint8Array): void {
    this.#out.add(bytes);
  }

  flush(): void {
    this.#out.flush();
  }

  finish(_memory: readonly FrameRun[], written: readonly FrameRun[], notes: readonly NewNote[]): void {
    this.flush();
    const area = noteBytes(notes);
    const isLong = written.length > this.#most;
    const notesAt = EHDR + (isLong ? 0 : (written.length + 1) * PHDR);
    const headers = this.#programHeaders(written, notesAt, area.length);
    const end = this.position;
    const headersAt = isLong ? end + SHDR : EHDR;
    writeAll(this.#descriptor, headers, headersAt);
    writeAll(this.#descriptor, area, notesAt);
    if (isLong) writeAll(this.#descriptor, sectionHeader(written.length + 1), end);
    writeAll(this.#descriptor, elfHeader(headersAt, isLong ? PN_XNUM : written.length + 1, isLong ? end : 0), 0);
    ftruncateSync(this.#descriptor, isLong ? headersAt + headers.length : end);
  }

  #programHeaders(written: readonly FrameRun[], notesAt: number, notesSize: number): Uint8Array {
    const headers = Buffer.alloc((written.length + 1) * PHDR);
    put(headers, 0, { type: PT_NOTE, flags: 0, offset: notesAt, address: 0, size: notesSize, align: 4 });
    let offset = MEMORY_AT;
    for (const [i, { first, pages }] of written.entries()) {
      const size = pages * PAGE_SIZE;
      const address = first * PAGE_SIZE;
      put(headers, (i + 1) * PHDR, {
        type: PT_LOAD,
        flags: READ_WRITE_EXECUTE,
        offset,
        address,
        size,
        align: NO_ALIGNMENT,
      });
      offset += size;
    }
    return headers;
  }
}

interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
  readonly align: number;
}

function put(headers: Buffer, at: number, { type, flags, offset, address, size, align: alignment }: Segment): void {
  headers.writeUInt32LE(type, at);
  headers.writeUInt32LE(flags, at + 4);
  for (const [i, value] of [offset, address, address, size, size, alignment].entries())
    headers.writeBigUInt64LE(BigInt(value), at + 8 + i * 8);
}

function elfHeader(headersAt: number, count: number, sectionsAt: number): Uint8Array {
  const header = Buffer.alloc(EHDR);
  // ELF, 64 bits, little-endian, version 1; ET_CORE, EM_X86_64.
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(4, 16);
  header.writeUInt16LE(62, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(headersAt), 32);
  header.writeBigUInt64LE(BigInt(sectionsAt), 40);
  header.writeUInt16LE(EHDR, 52);
  header.writeUInt16LE(PHDR, 54);
  header.writeUInt16LE(count, 56);
  if (sectionsAt !== 0) {
    header.writeUInt16LE(SHDR, 58);
    header.writeUInt16LE(1, 60);
  }
  return header;
}

/** Section header 0, with the number of program headers in sh_info. */
function sectionHeader(count: number): Uint8Array {
  const header = Buffer.alloc(SHDR);
  header.writeUInt32LE(count, 44);
  return header;
}

const LIME_MAGIC = 0x4c694d45;
const LIME_HEADER = 32;

/** LiME: a header with the first and the last address before each run. */
export class LimeSink implements MemorySink {
  readonly #descriptor: number;
  readonly #out: Appender;
  #next: number;

  constructor(descriptor: number, begun: Begun | null) {
    this.#descriptor = descriptor;
    this.#out = new Appender(descriptor, begun?.position ?? 0);
    const last = begun?.written.at(-1);
    this.#next = last === undefined ? -1 : last.first + last.pages;
  }

  get position(): number {
    return this.#out.position;
  }

  add(frame: number, bytes: Uint8Array): void {
    // Its header is written at the end.
    if (frame !== this.#next) this.#out.moveTo(this.#out.position + LIME_HEADER);
    this.#out.add(bytes);
    this.#next = frame + bytes.length / PAGE_SIZE;
  }

  flush(): void {
    this.#out.flush();
  }

  finish(_memory: readonly FrameRun[], written: readonly FrameRun[]): void {
    this.flush();
    let at = 0;
    for (const { first, pages } of written) {
      const header = Buffer.alloc(LIME_HEADER);
      header.writeUInt32LE(LIME_MAGIC, 0);
      header.writeUInt32LE(1, 4);
      header.writeBigUInt64LE(BigInt(first * PAGE_SIZE), 8);
      header.writeBigUInt64LE(BigInt((first + pages) * PAGE_SIZE - 1), 16);
      writeAll(this.#descriptor, header, at);
      at += LIME_HEADER + pages * PAGE_SIZE;
    }
    ftruncateSync(this.#descriptor, this.position);
  }
}

/** The memory itself: the byte at an address is at that offset. What is missing is a hole, which reads as zeros. */
export class RawSink implements MemorySink {
  readonly #descriptor: number;
  readonly #out: Appender;

  constructor(descriptor: number, begun: Begun | null) {
    this.#descriptor = descriptor;
    this.#out = new Appender(descriptor, begun?.position ?? 0);
  }

  get position(): number {
    return this.#out.position;
  }

  add(frame: number, bytes: Uint8Array): void {
    this.#out.moveTo(frame * PAGE_SIZE);
    this.#out.add(bytes);
  }

  flush(): void {
    this.#out.flush();
  }

  finish(memory: readonly FrameRun[]): void {
    this.flush();
    const last = memory.at(-1);
    ftruncateSync(this.#descriptor, last === undefined ? 0 : (last.first + last.pages) * PAGE_SIZE);
  }
}
