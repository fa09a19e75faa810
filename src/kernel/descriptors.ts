// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE } from '../core/address.js';
import type { Bytes } from '../core/bytes.js';
import { type Lost, orLost, orNull } from '../core/errors.js';
import { type Memory, readOf } from '../core/memory.js';
import { resolve } from '../types/fields.js';
import { pointerAt } from './containers/pointer.js';
import type { Host } from './host.js';
import { fdtableFields, filesFields } from './structs.js';

/** Sizes of descriptor tables: NR_OPEN_DEFAULT (include/linux/fdtable.h) to sysctl_nr_open_max (fs/file.c). */
const LEAST_FILES = 64;
const MOST_FILES = 0x7fffffc0;
/** Bytes of an entry, which is a pointer to a struct file. */
const ENTRY = 8;
const PAGE_ENTRIES = PAGE_SIZE / ENTRY;
/** Most pages in a row, not counting pages of zeros, without a file: after them, a table is not one. */
const MOST_BAD = 64;

/** A descriptor, and the address of its struct file. */
export interface Descriptor {
  readonly fd: number;
  readonly address: bigint;
}

/**
 * The descriptors in use of the files_struct at an address, ascending (fs/file.c). `lost` is called for each page of the
 * table that can't be read, or has what the bitmap of descriptors in use does not have, and for a table that is none; without
 * it, throws `DumpError`, as it does if max_fds is impossible.
 */
export function* descriptors({ memory, types }: Host, files: bigint, lost?: Lost): Generator<Descriptor> {
  const at = resolve(types, { files: filesFields, table: fdtableFields });
  const fdt = pointerAt(memory, files + BigInt(at.files.fdt.offset), 'files_struct');
  const table = readOf(memory, fdt, at.table.bytes, 'fdtable');
  const count = table.u32(at.table.maxFds.offset);
  // alloc_fdtable makes tables for multiples of BITS_PER_LONG.
  if (count < LEAST_FILES || count > MOST_FILES || count % LEAST_FILES !== 0)
    throw table.error(at.table.maxFds.offset, `fdtable: max_fds can't be ${count}`);
  const array = table.u64(at.table.fd.offset);
  const used = at.table.open === null ? null : table.u64(at.table.open.offset);
  let bad = 0;
  for (const part of pagesOf(array, count)) {
    const entries = orLost(lost, () => entriesOf(memory, array, used, part));
    const found = entries === null ? null : filesOf(entries, part);
    if (found !== null) yield* found;
    if (found?.some(({ address }) => isPossible(address)) === true) bad = 0;
    else if (found === null || found.length > 0) bad++;
    if (bad === MOST_BAD) {
      orLost(lost, () => {
        throw table.error(
          at.table.fd.offset,
          `descriptor table: ${bad} pages up to descriptor ${part.end - 1} have no file, or can't be read`,
        );
      });
      return;
    }
  }
}

/** The entries of a part that are not empty. */
function filesOf(entries: Bytes, { first, end }: Part): Descriptor[] {
  const found: Descriptor[] = [];
  for (let fd = first; fd < end; fd++) {
    const address = entries.u64((fd - first) * ENTRY);
    if (address !== 0n) found.push({ fd, address });
  }
  return found;
}

/** Whether a struct file can be at an address. */
const isPossible = (address: bigint): boolean => address >> 63n === 1n && address % 8n === 0n;

/** Descriptors from `first` to `end` - 1. */
interface Part {
  readonly first: number;
  readonly end: number;
}

/** Parts of a table of `count` entries, each on one page. */
function* pagesOf(array: bigint, count: number): Generator<Part> {
  const before = Number(array % BigInt(PAGE_SIZE)) / ENTRY;
  for (let first = 0; first < count; ) {
    const end = Math.min(count, first + PAGE_ENTRIES - ((before + first) % PAGE_ENTRIES));
    yield { first, end };
    first = end;
  }
}

/** The entries of a part. `used`: the address of the bitmap of descriptors in use; null if it is not known. */
function entriesOf(memory: Memory, array: bigint, used: bigint | null, part: Part): Bytes {
  const { first, end } = part;
  const entries = readOf(memory, array + BigInt(first * ENTRY), (end - first) * ENTRY, 'descriptor table');
  const found = filesOf(entries, part);
  const inUse = used === null ? null : orNull(() => usedOf(memory, used, part));
  if (inUse === null) return entries;
  // A descriptor is in use before its file is entered (alloc_fd, fd_install). But that is not so for all of a page.
  if (found.length === 0 && inUse.size > 0)
    throw entries.error(0, `only zeros, but descriptors from ${first} to ${end - 1} are in use`);
  // do_dup2 enters one file before the descriptor is in use.
  const more = found.filter(({ fd }) => !inUse.has(fd));
  if (more.length > 1)
    throw entries.error(
      0,
      `${more.length} of the descriptors from ${first} to ${end - 1} have files, but are not in use`,
    );
  return entries;
}

/** The descriptors of a part that are in use, by the bitmap at an address (fdtable.open_fds). */
function usedOf(memory: Memory, bitmap: bigint, { first, end }: Part): ReadonlySet<number> {
  const start = Math.floor(first / 8);
  const bytes = readOf(memory, bitmap + BigInt(start), Math.ceil(end / 8) - start, 'open_fds');
  const used = new Set<number>();
  for (let fd = first; fd < end; fd++) if (((bytes.u8(Math.floor(fd / 8) - start) >> (fd % 8)) & 1) === 1) used.add(fd);
  return used;
}
