// SPDX-License-Identifier: Apache-2.0
import { type Memory, readOf } from '../../core/memory.js';

/** The pointer at an address. `what` says what it lies in: the `DumpError` names it where it can't be read. */
export const pointerAt = (memory: Memory, address: bigint, what: string): bigint =>
  readOf(memory, address, 8, what).u64(0);
