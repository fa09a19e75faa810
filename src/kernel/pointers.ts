// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import { type Memory, readOf } from '../core/memory.js';

/** The pointer at an address. */
export const pointerAt = (memory: Memory, address: bigint, what: string): bigint =>
  readOf(memory, address, 8, what).u64(0);

/**
 * The links of a circular list (include/linux/list.h), the head itself left out; `next` is a list_head's first word.
 * A list that does not come back to its head within `most` steps, or turns back on itself, is a `DumpError`.
 */
export function* listLinks(memory: Memory, head: bigint, most: number, what: string): Generator<bigint> {
  let link = pointerAt(memory, head, what);
  let mark = link;
  for (let step = 0; link !== head; step++) {
    if (step >= most) throw new DumpError(`${what}: the list at 0x${head.toString(16)} has more than ${most} members`);
    yield link;
    link = pointerAt(memory, link, what);
    if (link === mark && link !== head)
      throw new DumpError(`${what}: the list at 0x${head.toString(16)} runs in a circle at 0x${link.toString(16)}`);
    // Brent's rule: a loop that leaves the head out is met within twice its length.
    if ((step & (step + 1)) === 0) mark = link;
  }
}
