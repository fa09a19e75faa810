// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE } from './address.js';
import { isUnreadable, type Memory } from './memory.js';

/**
 * Every address from `from` up to, but not including, `to` at which `pattern`, which is not empty, is found. Pages that can't
 * be read are skipped.
 */
export function* occurrences(memory: Memory, from: bigint, to: bigint, pattern: Uint8Array): Generator<bigint> {
  const overlap = pattern.length - 1;
  let tail = new Uint8Array(0);
  for (let page = from - (from % BigInt(PAGE_SIZE)); page < to; page += BigInt(PAGE_SIZE)) {
    const read = memory.read(page, PAGE_SIZE);
    const bytes = isUnreadable(read) ? new Uint8Array(0) : read.array();
    // For a match that begins on the previous page and ends on this one.
    const seam = Uint8Array.from([...tail, ...bytes.subarray(0, overlap)]);
    for (const at of matches(seam, pattern)) yield page - BigInt(tail.length - at);
    for (const at of matches(bytes, pattern)) yield page + BigInt(at);
    tail = bytes.slice(Math.max(0, bytes.length - overlap));
  }
}

function* matches(bytes: Uint8Array, pattern: Uint8Array): Generator<number> {
  const searched = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = searched.indexOf(pattern); at >= 0; at = searched.indexOf(pattern, at + 1)) yield at;
}
