// SPDX-License-Identifier: Apache-2.0
import { type Memory, readOf } from '../../core/memory.js';

/** The pointer stored at an address. Throws `DumpError` with `what`, the structure it is in, if it can't be read. */
export const pointerAt = (memory: Memory, address: bigint, what: string): bigint =>
  readOf(memory, address, 8, what).u64(0);
