// SPDX-License-Identifier: Apache-2.0
// The kdump-compressed form (makedumpfile's IMPLEMENTATION; struct disk_dump_header in its diskdump_mod.h), on x86-64.

/** @import { Form, Span } from './form.mjs' */

export const PAGE = 4096;
export const HEADER = { bytes: 464, status: 424, subHeaderBlocks: 432, bitmapBlocks: 436 };
/** A bit of `status`: the dump is incomplete. All others name a compression. */
const INCOMPLETE = 8;
const SUB_HEADER = { bytes: 104, noteBytes: 56 };
export const DESCRIPTOR = { bytes: 24, offset: 0, length: 8, flags: 12 };

/**
 * The structures of a kdump file.
 *
 * @param {Buffer} file
 */
export function kdumpRegions(file) {
  const bitmapBlocks = file.readUInt32LE(HEADER.bitmapBlocks);
  const bitmaps = (1 + file.readInt32LE(HEADER.subHeaderBlocks)) * PAGE;
  const half = bitmaps + (bitmapBlocks * PAGE) / 2;
  const table = bitmaps + bitmapBlocks * PAGE;
  const data = Number(file.readBigUInt64LE(table));
  const notes = PAGE + SUB_HEADER.bytes;
  /** @satisfies {Record<string, Span>} */
  const regions = {
    header: [0, HEADER.bytes],
    'sub-header': [PAGE, notes],
    notes: [notes, notes + Number(file.readBigUInt64LE(PAGE + SUB_HEADER.noteBytes))],
    'bitmap of memory': [bitmaps, half],
    'bitmap of pages': [half, table],
    descriptors: [table, data],
    pages: [data, file.length],
  };
  return regions;
}

/**
 * The frames whose pages are in a kdump file.
 *
 * @param {Buffer} file
 */
export function framesOf(file) {
  const [start, end] = kdumpRegions(file)['bitmap of pages'];
  /** @type {number[]} */
  const frames = [];
  file.subarray(start, end).forEach((byte, i) => {
    for (let bit = 0; byte >> bit; bit++) if ((byte >> bit) & 1) frames.push(i * 8 + bit);
  });
  return frames;
}

/**
 * A copy of a kdump file with uncompressed pages, so that a byte of the file is a byte of memory.
 *
 * @param {Buffer} file
 * @param {readonly Buffer[]} pages
 * @returns {Form}
 */
export function rawKdump(file, pages) {
  const [table, data] = kdumpRegions(file).descriptors;
  const head = Buffer.from(file.subarray(0, data));
  head.writeUInt32LE(head.readUInt32LE(HEADER.status) & INCOMPLETE, HEADER.status);
  pages.forEach((_, i) => {
    const at = table + i * DESCRIPTOR.bytes;
    head.writeBigUInt64LE(BigInt(data + i * PAGE), at + DESCRIPTOR.offset);
    head.writeUInt32LE(PAGE, at + DESCRIPTOR.length);
    head.writeUInt32LE(0, at + DESCRIPTOR.flags);
  });
  const raw = Buffer.concat([head, ...pages]);
  return { file: raw, regions: kdumpRegions(raw), plain: true };
}
