// SPDX-License-Identifier: Apache-2.0
import { PAGE_SIZE, type Pfn } from '../../core/address.js';
import type { Bytes } from '../../core/bytes.js';
import { DumpError } from '../../core/errors.js';
import type { ByteSource, FrameGap } from '../../core/memory.js';
import {
  ELF_MAGIC,
  EM_X86_64,
  ET_CORE,
  type ProgramHeader,
  PT_LOAD,
  PT_NOTE,
  readElf,
  readProgramHeaders,
} from '../../elf/elf.js';
import { MOST_NOTE_BYTES, type Note, parseNotes } from '../../elf/notes.js';
import type { DumpFormat, PageReader } from '../image.js';
import { PieceMap } from '../pieces.js';

/** Linux include/uapi/linux/elf.h; machines that a dump is likely to come from. */
const MACHINES: Readonly<Record<number, string>> = {
  3: 'i386',
  20: 'ppc',
  21: 'ppc64',
  22: 's390',
  40: 'arm',
  183: 'aarch64',
  243: 'riscv',
  258: 'loongarch',
};

/** ELF core: the kernel's /proc/vmcore (fs/proc/vmcore.c), makedumpfile -E, QEMU's dump-guest-memory. */
export const elfCore: DumpFormat = {
  name: 'elf',
  probe: (start) => start.length >= 4 && start.u32(0) === ELF_MAGIC,
  open(file) {
    const header = readElf(file);
    if (header.eMachine !== EM_X86_64)
      throw new DumpError(
        `${file.name}: an ELF of machine ${machineName(header.eMachine)}; only x86-64 dumps are read`,
      );
    if (header.eType !== ET_CORE)
      throw new DumpError(`${file.name}: an ELF file of type ${header.eType}, not a core dump`);
    return new ElfReader(file, readProgramHeaders(file, header));
  },
};

const machineName = (machine: number): string => MACHINES[machine] ?? String(machine);

class ElfReader implements PageReader {
  readonly description: string;
  readonly vmcoreinfo: Bytes | null;
  readonly notes: readonly Note[];
  readonly physBase = null;
  readonly #pieces: PieceMap;

  constructor(
    readonly file: ByteSource,
    headers: readonly ProgramHeader[],
  ) {
    const loads = headers.filter(({ type }) => type === PT_LOAD);
    this.#pieces = new PieceMap(loads);
    this.notes = headers.filter(({ type }) => type === PT_NOTE).flatMap((header) => notesOf(file, header));
    this.vmcoreinfo = this.notes.find(({ name }) => name === 'VMCOREINFO')?.desc ?? null;
    this.description = `ELF core, ${loads.length} segments`;
  }

  page(frame: Pfn): DataView | FrameGap {
    const start = frame * PAGE_SIZE;
    const piece = this.#pieces.at(start);
    if (piece?.file !== undefined && start + PAGE_SIZE <= piece.end)
      return this.#read(piece.file + (start - piece.start), PAGE_SIZE);
    return this.#compose(start);
  }

  #read(offset: number, length: number): DataView | FrameGap {
    if (offset + length > this.file.size)
      return {
        reason: 'cut-off',
        message: `the file ends at 0x${this.file.size.toString(16)}, the page should be at 0x${offset.toString(16)}: the dump is truncated`,
      };
    return this.file.read(offset, length, 'page').view;
  }

  /** A page that several segments share, or that one covers in part: what is in no segment reads as zero. */
  #compose(start: number): DataView | FrameGap {
    const parts = this.#pieces.within(start, start + PAGE_SIZE);
    if (parts.length === 0) return { reason: 'outside', message: 'no segment of the dump covers this frame' };
    if (parts.every(({ file }) => file === undefined))
      return { reason: 'excluded', message: 'the dump has no contents for this frame (p_filesz ends before it)' };
    const page = new DataView(new ArrayBuffer(PAGE_SIZE));
    const bytes = new Uint8Array(page.buffer);
    for (const part of parts) {
      if (part.file === undefined) continue;
      const from = Math.max(part.start, start);
      const length = Math.min(part.end, start + PAGE_SIZE) - from;
      const read = this.#read(part.file + (from - part.start), length);
      if (!(read instanceof DataView)) return read;
      bytes.set(new Uint8Array(read.buffer, read.byteOffset, length), from - start);
    }
    return page;
  }
}

function notesOf(file: ByteSource, header: ProgramHeader): Note[] {
  if (header.offset + header.filesz > file.size) return [];
  return parseNotes(file.read(header.offset, Math.min(header.filesz, MOST_NOTE_BYTES), 'notes'));
}
