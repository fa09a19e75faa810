// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE } from '../core/address.js';
import type { ProgramHeader } from '../elf/elf.js';

/** So many of the links between segments hold, or the writer is one that lays out its file otherwise. */
const MOSTLY = 0.5;
const FEWEST = 4;

/**
 * The segments that do not contradict the others. The kernel, makedumpfile and QEMU write one behind the other, and the
 * kernel and makedumpfile give nearly all of them virtual addresses that are as far from the physical ones (the direct
 * map; the image of the kernel has its own distance). A segment whose place in the file or in memory breaks this was
 * damaged: its pages would be taken for other frames'.
 */
export function believable(loads: readonly ProgramHeader[]): ProgramHeader[] {
  const placed = inOrder(loads);
  const distances = atDistance(loads);
  // In memory a segment is never shorter than in the file.
  return loads.filter((load) => load.filesz <= load.memsz && placed(load) && distances(load));
}

type Test = (load: ProgramHeader) => boolean;
const anything: Test = () => true;

/** By the file: each begins where the one before it ends, or ends where the next one begins. */
function inOrder(loads: readonly ProgramHeader[]): Test {
  // One of which nothing is in the file has no place there.
  const stored = loads.filter(({ filesz }) => filesz > 0);
  const [pages, bytes] = [linksOf(stored, followsByPages), linksOf(stored, followsByBytes)];
  // Where all sizes are whole pages both hold.
  const links = pages.size >= bytes.size ? pages : bytes;
  if (stored.length <= FEWEST || links.size < (stored.length - 1) * MOSTLY) return anything;
  const linked = stored.filter((_, i) => links.has(i) || links.has(i + 1));
  // One that is too long would have the bytes of those behind it too.
  const fitting = new Set(linked.filter((load, i) => fits(load, linked[i + 1])));
  return (load) => load.filesz === 0 || fitting.has(load);
}

const fits = (one: ProgramHeader, other: ProgramHeader | undefined): boolean =>
  other === undefined || one.offset > other.offset || one.offset + one.filesz <= other.offset;

type Follows = (one: ProgramHeader, other: ProgramHeader) => boolean;

/** Which segments follow the one before them. */
const linksOf = (stored: readonly ProgramHeader[], follows: Follows): Set<number> =>
  new Set(
    [...stored.keys()].filter((i) => i > 0 && follows(stored[i - 1] as ProgramHeader, stored[i] as ProgramHeader)),
  );

/** makedumpfile -E, QEMU. */
const followsByBytes: Follows = (one, other) => one.offset + one.filesz === other.offset;

/**
 * The kernel's own vmcore begins and ends segments at pages, whatever their sizes, and what is at which place of a page
 * of memory is there in a page of the file (fs/proc/vmcore.c, process_ptload_program_headers_elf64).
 */
const followsByPages: Follows = (one, other) =>
  isByPages(one) &&
  isByPages(other) &&
  Math.ceil((one.offset + one.filesz) / PAGE_SIZE) === Math.floor(other.offset / PAGE_SIZE);

const isByPages = ({ offset, paddr }: ProgramHeader): boolean => offset % PAGE_SIZE === paddr % PAGE_SIZE;

/** By memory: others are as far from their virtual addresses. */
function atDistance(loads: readonly ProgramHeader[]): Test {
  const of = ({ vaddr, paddr }: ProgramHeader): bigint => BigInt.asUintN(64, vaddr - BigInt(paddr));
  const counts = new Map<bigint, number>();
  for (const load of loads) counts.set(of(load), (counts.get(of(load)) ?? 0) + 1);
  const shared = loads.filter((load) => (counts.get(of(load)) ?? 0) > 1).length;
  // QEMU used to write no virtual addresses.
  const told = loads.some(({ vaddr }) => vaddr !== 0n);
  if (!told || loads.length <= FEWEST || shared < loads.length * MOSTLY) return anything;
  return (load) => (counts.get(of(load)) ?? 0) > 1 || load.vaddr >= KERNEL_IMAGE;
}

/** The kernel's image is mapped from here on (arch/x86/include/asm/page_64_types.h, __START_KERNEL_map). */
const KERNEL_IMAGE = 0xffffffff80000000n;
