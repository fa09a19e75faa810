// SPDX-License-Identifier: Apache-2.0
// /proc/kcore: the virtual memory of the running kernel as an ELF core (fs/proc/kcore.c).
import { PHYSICAL_LIMIT } from '../../core/address.js';
import { DumpError } from '../../core/errors.js';
import type { ByteSource } from '../../core/memory.js';
import type { ProgramHeader } from '../../elf/elf.js';
import type { Note } from '../../elf/notes.js';
import { KERNEL_IMAGE } from '../segments.js';

/** Type of a note with struct elf_prpsinfo (include/uapi/linux/elf.h). /proc/vmcore, the other core in procfs, has none. */
const NT_PRPSINFO = 3;

/** Whether a file with these notes is the memory of the running kernel. */
export const isKcore = ({ forget }: ByteSource, notes: readonly Note[]): boolean =>
  forget !== undefined && notes.some(({ name, type }) => name === 'CORE' && type === NT_PRPSINFO);

/**
 * The segments that are physical memory: those of the direct map. The image of the kernel is there a second time, and the
 * vmalloc space and the memory map have no physical address (p_paddr is -1). Throws `DumpError` before Linux 4.11, where no
 * segment has one (commit 464920104bf7).
 */
export function directMap(name: string, loads: readonly ProgramHeader[]): readonly ProgramHeader[] {
  const memory = loads.filter(({ vaddr, paddr, memsz }) => vaddr < KERNEL_IMAGE && paddr + memsz <= PHYSICAL_LIMIT);
  const old = memory.filter(({ paddr }) => paddr === 0).length > 1;
  if (old || memory.length === 0)
    throw new DumpError(`${name}: its segments have no physical addresses; they have from Linux 4.11 on`, {
      code: 'unsupported',
    });
  return memory;
}
