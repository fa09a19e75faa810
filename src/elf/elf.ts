// SPDX-License-Identifier: Apache-2.0
import { DumpError } from '../core/errors.js';
import type { ByteSource } from '../core/memory.js';
import { ELF_HEADER_SIZE, type Elf64Core, numberOf, readElfHeader } from '../headers/headers.js';

export const ELF_MAGIC = 0x464c457f;
export const EM_X86_64 = 62;
export const ET_CORE = 4;
export const PT_LOAD = 1;
export const PT_NOTE = 4;
/** Value of e_phnum if the real number is in sh_info of section header 0 (gABI, "Program Header"). */
const PN_XNUM = 0xffff;
const PHDR_SIZE = 56;
const SHDR_SIZE = 64;
const SH_INFO = 44;

/**
 * A program header. Offsets and sizes are in bytes. A `paddr` of 2^53 or more is rounded, and not a valid address. In
 * /proc/kcore offsets and sizes can be larger, too; those that are multiples of pages are exact.
 */
export interface ProgramHeader {
  readonly type: number;
  readonly offset: number;
  readonly vaddr: bigint;
  readonly paddr: number;
  readonly filesz: number;
  readonly memsz: number;
}

/** Reads the header of a little-endian ELF64 file. Throws `DumpError` if it is not one. */
export function readElf(file: ByteSource): Elf64Core {
  const start = file.read(0, Math.min(file.size, ELF_HEADER_SIZE), 'ELF header');
  if (start.length < 4 || start.u32(0) !== ELF_MAGIC)
    throw new DumpError(`${file.name}: not an ELF file`, { code: 'wrong-file' });
  if (start.length < ELF_HEADER_SIZE) throw start.error(0, 'the file ends inside its ELF header');
  if (start.u8(4) !== 2)
    throw new DumpError(`${file.name}: a 32-bit ELF file; only x86-64 dumps are read`, { code: 'unsupported' });
  if (start.u8(5) !== 1)
    throw new DumpError(`${file.name}: a big-endian ELF file; only x86-64 dumps are read`, { code: 'unsupported' });
  return readElfHeader(start);
}

/** Reads all program headers, also where there are more than e_phnum can count (65,534). Throws `DumpError`. */
export function readProgramHeaders(file: ByteSource, header: Elf64Core): ProgramHeader[] {
  const offset = numberOf(header.ePhoff, `${file.name}: e_phoff`);
  const count = header.ePhnum === PN_XNUM ? extendedCount(file, header) : header.ePhnum;
  if (count > 0 && header.ePhentsize !== PHDR_SIZE)
    throw new DumpError(`${file.name}: program headers have ${header.ePhentsize} bytes each; expected: ${PHDR_SIZE}`);
  const table = file.read(offset, count * PHDR_SIZE, `${count} program headers`);
  // With 5-level page tables, /proc/kcore is longer than 2^53 bytes.
  const size = (at: number): number => (file.forget === undefined ? table.u53(at) : Number(table.u64(at)));
  return Array.from({ length: count }, (_, i) => {
    const at = i * PHDR_SIZE;
    return {
      type: table.u32(at),
      offset: size(at + 8),
      vaddr: table.u64(at + 16),
      paddr: Number(table.u64(at + 24)),
      filesz: size(at + 32),
      memsz: size(at + 40),
    };
  });
}

function extendedCount(file: ByteSource, header: Elf64Core): number {
  const offset = numberOf(header.eShoff, `${file.name}: e_shoff`);
  if (offset === 0) return PN_XNUM;
  return file.read(offset, SHDR_SIZE, 'section header 0').u32(SH_INFO);
}
