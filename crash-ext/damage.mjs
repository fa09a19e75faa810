// SPDX-License-Identifier: GPL-2.0-or-later
// Damaged pages in a copy of a kdump-compressed dump.
import { open } from 'node:fs/promises';
import { DESCRIPTOR, HEADER, PAGE } from '../fuzz/forms/kdump.mjs';

/** @import { FileHandle } from 'node:fs/promises' */
/** @import { Dice } from '../fuzz/random.mjs' */

const WORD = 8;
const WORDS = PAGE / WORD;
const MOST_CHANGES = 64;
/** Values that make bad pointers and lengths. */
const VALUES = [0n, 1n, (1n << 64n) - 1n, 0xffffffffn, 1n << 63n, 0xffff888000000000n, 0x4141414141414141n];

/** Offset of a frame's page descriptor. @type {(file: FileHandle, frame: number) => Promise<number>} */
async function descriptorOf(file, frame) {
  const header = Buffer.alloc(PAGE);
  await file.read(header, 0, PAGE, 0);
  const [sub, blocks] = [header.readUInt32LE(HEADER.subHeaderBlocks), header.readUInt32LE(HEADER.bitmapBlocks)];
  const length = (blocks * PAGE) / 2;
  const bitmap = Buffer.alloc(length);
  await file.read(bitmap, 0, length, (1 + sub) * PAGE + length);
  // Each bit that is set in the second bitmap has a descriptor, in the order of the frames.
  let rank = 0;
  for (let i = 0; i < frame; i++) rank += (bitmap.readUInt8(i >> 3) >> (i & 7)) & 1;
  return (1 + sub + blocks) * PAGE + rank * DESCRIPTOR.bytes;
}

/**
 * Appends an uncompressed page to a dump, and makes the descriptor of a frame point to it.
 *
 * @param {string} path
 * @param {number} frame
 * @param {Buffer} page
 */
export async function replacePage(path, frame, page) {
  const file = await open(path, 'r+');
  const { size } = await file.stat();
  const descriptor = Buffer.alloc(DESCRIPTOR.bytes);
  descriptor.writeBigUInt64LE(BigInt(size), DESCRIPTOR.offset);
  descriptor.writeUInt32LE(PAGE, DESCRIPTOR.length);
  await file.write(page, 0, PAGE, size);
  await file.write(descriptor, 0, DESCRIPTOR.bytes, await descriptorOf(file, frame));
  await file.close();
}

/**
 * Ways to change a word of a page, or a byte of it.
 *
 * @type {((dice: Dice, page: Buffer, at: number) => void)[]}
 */
const CHANGES = [
  changeByte,
  changeByte,
  (dice, page, at) => {
    page.writeBigUInt64LE(dice.pick(VALUES), at);
  },
  (dice, page, at) => {
    page.writeBigUInt64LE(page.readBigUInt64LE(dice.below(WORDS) * WORD), at);
  },
];

/** @type {(dice: Dice, page: Buffer, at: number) => void} */
function changeByte(dice, page, at) {
  page.writeUInt8(page.readUInt8(at + dice.below(WORD)) ^ (1 << dice.below(8)), at + dice.below(WORD));
}

/** A copy of a page with one to 64 changes of one kind. @type {(dice: Dice, page: Uint8Array) => Buffer} */
export function damaged(dice, page) {
  const bytes = Buffer.from(page);
  const kind = dice.below(CHANGES.length);
  const count = kind === 0 ? 1 : 1 + dice.below(MOST_CHANGES);
  for (let i = 0; i < count; i++) CHANGES[kind]?.(dice, bytes, dice.below(WORDS) * WORD);
  return bytes;
}
