// SPDX-License-Identifier: Apache-2.0
import { readOf } from '../core/memory.js';
import { resolve } from '../types/fields.js';
import type { Host } from './host.js';
import { mapleEntry } from './maple.js';
import type { Mm } from './mm.js';
import { pointerAt } from './pointers.js';
import { mmFields, vmaFields } from './structs.js';

/** A mapping of a process: `start` to `end` - 1. */
export interface Vma {
  readonly address: bigint;
  readonly start: bigint;
  readonly end: bigint;
  /** VM_* bits. */
  readonly flags: bigint;
  /** Page offset in the file. */
  readonly pgoff: bigint;
  /** struct file, 0 for anonymous memory. */
  readonly file: bigint;
}

/** The mapping that holds an address; null when there is none. */
export function findVma(host: Host, mm: Mm, address: bigint): Vma | null {
  const at = resolve(host.types, { mm: mmFields, vma: vmaFields });
  const root = pointerAt(host.memory, mm.address + BigInt(at.mm.treeRoot.offset), 'mm_struct');
  const found = mapleEntry(host.memory, host.types, root, address);
  if (found === 0n) return null;
  const bytes = readOf(host.memory, found, at.vma.bytes, 'vm_area_struct');
  const start = bytes.u64(at.vma.start.offset);
  const end = bytes.u64(at.vma.end.offset);
  if (address < start || address >= end)
    throw bytes.error(
      0,
      `a mapping of 0x${start.toString(16)}-0x${end.toString(16)} found for 0x${address.toString(16)}`,
    );
  return {
    address: found,
    start,
    end,
    flags: bytes.u64(at.vma.flags.offset),
    pgoff: bytes.u64(at.vma.pgoff.offset),
    file: bytes.u64(at.vma.file.offset),
  };
}
