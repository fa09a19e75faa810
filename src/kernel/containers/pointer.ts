// SPDX-License-Identifier: Apache-2.0
import { type Memory, readOf } from '../../core/memory.js';

/** The pointer stored at an address. Throws `DumpError` with `what`, the structure it is in, if it can't be read. */
export const pointerAt = (memory: Memory, address: bigint, what: string): bigint =>
  readOf(memory, address, 8, what).u64(0);

/**
 * An exact number for a kernel pointer given as two words: different for pointers to different structures, which are
 * aligned to 8 bytes. Null if it is not the address of anything in the kernel: the upper 8 bits of those are ones.
 */
export const pointerKey = (high: number, low: number): number | null =>
  high >>> 24 === 0xff ? (high & 0xffffff) * 0x20000000 + (low >>> 3) : null;
