// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';
import { DumpError } from '../core/errors.js';
import type { ByteSource } from '../core/memory.js';
import { type Elf64Core, numberOf } from '../headers/headers.js';
import { readElf } from './elf.js';
import { GNU_BUILD_ID, parseNotes } from './notes.js';

export const ET_REL = 1;
export const SHT_SYMTAB = 2;
export const SHT_RELA = 4;
export const SHT_NOTE = 7;
const SHT_NOBITS = 8;
export const SHF_COMPRESSED = 0x800;
const SHDR_SIZE = 64;
/** Most bytes of a section's name. */
const LONGEST_NAME = 256;
/** Value of e_shstrndx if the real index is in sh_link of section header 0, whose sh_size then has the section count. */
const SHN_XINDEX = 0xffff;

/** A section header. Offsets and sizes are in bytes. */
export interface Section {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: bigint;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
}

/** An ELF file with section headers: a vmlinux, a kernel module, or a file of debug information. */
export class ElfObject {
  readonly header: Elf64Core;
  readonly sections: readonly Section[];

  /** Throws `DumpError` if this is not a little-endian ELF64 file with section headers. */
  constructor(readonly file: ByteSource) {
    this.header = readElf(file);
    this.sections = readSections(file, this.header);
  }

  section(name: string): Section | null {
    return this.sections.find((section) => section.name === name) ?? null;
  }

  /** Whether a section's contents are in this file. A separate debug file also has headers of sections it lacks. */
  hasContents({ type }: Section): boolean {
    return type !== SHT_NOBITS;
  }

  /** A section's bytes as in the file, compressed or not. Throws `DumpError` if they are not in the file. */
  bytes(section: Section, offset = 0, length = section.size - offset): Bytes {
    if (section.type === SHT_NOBITS)
      throw new DumpError(`${this.file.name}: section ${section.name} has no contents in this file`);
    if (offset < 0 || offset + length > section.size)
      throw new DumpError(`${this.file.name}: section ${section.name} is shorter than ${offset + length} bytes`);
    return this.file.read(section.offset + offset, length, `section ${section.name}`);
  }

  /** Build-id in hexadecimal; null if the file has none. */
  get buildId(): string | null {
    for (const section of this.sections) {
      if (section.type !== SHT_NOTE) continue;
      const note = parseNotes(this.bytes(section)).find(({ name, type }) => name === 'GNU' && type === GNU_BUILD_ID);
      if (note !== undefined) return Buffer.from(note.desc.array()).toString('hex');
    }
    return null;
  }
}

function readSections(file: ByteSource, header: Elf64Core): Section[] {
  const offset = numberOf(header.eShoff, `${file.name}: e_shoff`);
  if (offset === 0) throw new DumpError(`${file.name}: an ELF file without section headers`);
  const first = file.read(offset, SHDR_SIZE, 'section header 0');
  const count = header.eShnum === 0 ? first.u53(32) : header.eShnum;
  const table = file.read(offset, count * SHDR_SIZE, `${count} section headers`);
  const at = (index: number) => index * SHDR_SIZE;
  const names = header.eShstrndx === SHN_XINDEX ? first.u32(40) : header.eShstrndx;
  const strings = file.read(table.u53(at(names) + 24), table.u53(at(names) + 32), 'section names');
  return Array.from({ length: count }, (_, index) => ({
    index,
    name: strings.text(table.u32(at(index)), LONGEST_NAME),
    type: table.u32(at(index) + 4),
    flags: table.u53(at(index) + 8),
    address: table.u64(at(index) + 16),
    offset: table.u53(at(index) + 24),
    size: table.u53(at(index) + 32),
    link: table.u32(at(index) + 40),
    info: table.u32(at(index) + 44),
  }));
}
