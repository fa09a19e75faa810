// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE } from '../core/address.js';
import type { ProgramHeader } from '../elf/elf.js';

/** If a smaller share of the segments is linked, the writer uses another layout. */
const MOSTLY = 0.5;
const FEWEST = 4;

/**
 * The segments that do not contradict the others. The kernel, makedumpfile and QEMU write segments one after another,
 * and the kernel and makedumpfile give nearly all of them virtual addresses at the same distance from the physical ones
 * (the direct map; the image of the kernel has a distance of its own). A segment that breaks this, in its file offset
 * or its addresses, is damaged: its pages would be taken for those of other frames.
 */
export function believable(loads: readonly ProgramHeader[]): ProgramHeader[] {
  const placed = inOrder(loads);
  const distances = atDistance(loads);
  // In memory a segment is never shorter than in the file.
  return loads.filter((load) => load.filesz <= load.memsz && placed(load) && distances(load));
}

type Test = (load: ProgramHeader) => boolean;
const anything: Test = () => true;

/** Test by file offset: a segment begins where the previous one ends, or ends where the next one begins. */
function inOrder(loads: readonly ProgramHeader[]): Test {
  // A segment without bytes in the file has no meaningful offset.
  const stored = loads.filter(({ filesz }) => filesz > 0);
  const [pages, bytes] = [linksOf(stored, followsByPages), linksOf(stored, followsByBytes)];
  // If all sizes are whole pages, both hold.
  const links = pages.size >= bytes.size ? pages : bytes;
  if (stored.length <= FEWEST || links.size < (stored.length - 1) * MOSTLY) return anything;
  const linked = stored.filter((_, i) => links.has(i) || links.has(i + 1));
  // A segment that is too long would include the bytes of the segments after it.
  const fitting = new Set(linked.filter((load, i) => fits(load, linked[i + 1])));
  return (load) => load.filesz === 0 || fitting.has(load);
}

const fits = (one: ProgramHeader, other: ProgramHeader | undefined): boolean =>
  other === undefined || one.offset > other.offset || one.offset + one.filesz <= other.offset;

type Follows = (one: ProgramHeader, other: ProgramHeader) => boolean;

/** Indices of the segments that follow the previous one. */
const linksOf = (stored: readonly ProgramHeader[], follows: Follows): Set<number> =>
  new Set(
    [...stored.keys()].filter((i) => i > 0 && follows(stored[i - 1] as ProgramHeader, stored[i] as ProgramHeader)),
  );

/** Layout of makedumpfile -E and QEMU. */
const followsByBytes: Follows = (one, other) => one.offset + one.filesz === other.offset;

/**
 * Layout of the kernel's /proc/vmcore: segments begin and end at pages of the file, whatever their sizes, and a byte
 * has the same offset in its page of the file as in its page of memory (fs/proc/vmcore.c,
 * process_ptload_program_headers_elf64).
 */
const followsByPages: Follows = (one, other) =>
  isByPages(one) &&
  isByPages(other) &&
  Math.ceil((one.offset + one.filesz) / PAGE_SIZE) === Math.floor(other.offset / PAGE_SIZE);

const isByPages = ({ offset, paddr }: ProgramHeader): boolean => offset % PAGE_SIZE === paddr % PAGE_SIZE;

/** Test by address: other segments have the same distance between virtual and physical address. */
function atDistance(loads: readonly ProgramHeader[]): Test {
  const of = ({ vaddr, paddr }: ProgramHeader): bigint => BigInt.asUintN(64, vaddr - BigInt(paddr));
  const counts = new Map<bigint, number>();
  for (const load of loads) counts.set(of(load), (counts.get(of(load)) ?? 0) + 1);
  const shared = loads.filter((load) => (counts.get(of(load)) ?? 0) > 1).length;
  // Older QEMU writes no virtual addresses.
  const isVirtual = loads.some(({ vaddr }) => vaddr !== 0n);
  if (!isVirtual || loads.length <= FEWEST || shared < loads.length * MOSTLY) return anything;
  return (load) => (counts.get(of(load)) ?? 0) > 1 || load.vaddr >= KERNEL_IMAGE;
}

/** Start of the mapping of the kernel's image (arch/x86/include/asm/page_64_types.h, __START_KERNEL_map). */
export const KERNEL_IMAGE = 0xffffffff80000000n;
