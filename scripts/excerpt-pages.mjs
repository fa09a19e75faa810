// SPDX-License-Identifier: Apache-2.0
// The pages of an excerpt, as they are compressed, to write an excerpt with more of them or with fewer.
import { DESCRIPTOR, framesOf, kdumpRegions } from '../fuzz/forms/kdump.mjs';

/** A page by its descriptor, and its compressed bytes. @typedef {{ descriptor: Buffer, bytes: Buffer }} Packed */

/** The pages of a kdump file, by frame. @type {(file: Buffer) => Map<number, Packed>} */
export function packedPages(file) {
  const [table] = kdumpRegions(file).descriptors;
  return new Map(
    framesOf(file).map((frame, i) => {
      const at = table + i * DESCRIPTOR.bytes;
      const offset = Number(file.readBigUInt64LE(at + DESCRIPTOR.offset));
      const bytes = file.subarray(offset, offset + file.readUInt32LE(at + DESCRIPTOR.length));
      return [frame, { descriptor: file.subarray(at, at + DESCRIPTOR.bytes), bytes }];
    }),
  );
}

/** A kdump file with the headers and notes of `file`, and these pages. @type {(file: Buffer, pages: ReadonlyMap<number, Packed>) => Buffer} */
export function withPages(file, pages) {
  const regions = kdumpRegions(file);
  const head = Buffer.from(file.subarray(0, regions.descriptors[0]));
  const [[memory], [present, end]] = [regions['bitmap of memory'], regions['bitmap of pages']];
  head.fill(0, present, end);
  const sorted = [...pages].sort(([a], [b]) => a - b);
  const table = Buffer.alloc(sorted.length * DESCRIPTOR.bytes);
  let offset = head.length + table.length;
  for (const [i, [frame, { descriptor, bytes }]] of sorted.entries()) {
    for (const bitmap of [memory, present]) {
      const at = bitmap + (frame >> 3);
      head.writeUInt8(head.readUInt8(at) | (1 << (frame & 7)), at);
    }
    descriptor.copy(table, i * DESCRIPTOR.bytes);
    table.writeBigUInt64LE(BigInt(offset), i * DESCRIPTOR.bytes + DESCRIPTOR.offset);
    offset += bytes.length;
  }
  return Buffer.concat([head, table, ...sorted.map(([, { bytes }]) => bytes)]);
}

/**
 * Leaves out pages of a file, in groups of fewer and fewer, as long as `isSame` says that the answers are the same.
 *
 * @type {(file: Buffer, isSame: (file: Buffer) => Promise<boolean>) => Promise<Buffer>}
 */
export async function thinned(file, isSame) {
  let pages = packedPages(file);
  for (const size of [256, 64, 16]) {
    const frames = [...pages.keys()];
    for (let i = 0; i < frames.length; i += size) {
      const group = new Set(frames.slice(i, i + size));
      const fewer = new Map([...pages].filter(([frame]) => !group.has(frame)));
      if (await isSame(withPages(file, fewer))) pages = fewer;
    }
  }
  return withPages(file, pages);
}
