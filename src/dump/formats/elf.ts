// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../../core/bytes.js';
import { DumpError } from '../../core/errors.js';
import type { ByteSource } from '../../core/memory.js';
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
import type { DumpFormat, PageReader, Problem } from '../image.js';
import { PieceReader } from '../piece-reader.js';
import { PieceMap } from '../pieces.js';
import { believable } from '../segments.js';
import { directMap, isKcore } from './kcore.js';
import { isXenDomain, refuseXen, xenDump } from './xen.js';

/** Values of e_machine that a dump is likely to have (Linux include/uapi/linux/elf-em.h). */
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

/** Flag of the ELF header: the writer stopped before the end (makedumpfile, DUMP_ELF_INCOMPLETE). */
const INCOMPLETE = 1;

/** ELF core: the kernel's /proc/vmcore (fs/proc/vmcore.c), makedumpfile -E, QEMU's dump-guest-memory. */
export const elfCore: DumpFormat = {
  name: 'elf',
  probe: (start) => start.length >= 4 && start.u32(0) === ELF_MAGIC,
  open(file) {
    const header = readElf(file);
    if (header.eMachine !== EM_X86_64)
      throw new DumpError(
        `${file.name}: an ELF file of architecture ${machineName(header.eMachine)}; only x86-64 dumps are read`,
        { code: 'unsupported' },
      );
    if (header.ePhnum === 0 && isXenDomain(file)) throw xenDump(file, "a Xen domain ('xl dump-core')");
    if (header.eType !== ET_CORE)
      throw new DumpError(`${file.name}: an ELF file of type ${header.eType}, not a core dump`, { code: 'not-a-dump' });
    return new ElfReader(file, readProgramHeaders(file, header), header.eFlags);
  },
};

const machineName = (machine: number): string => MACHINES[machine] ?? String(machine);

class ElfReader implements PageReader {
  readonly description: string;
  readonly vmcoreinfo: Bytes | null;
  readonly notes: readonly Note[];
  readonly physBase = null;
  readonly limit: number | undefined;
  readonly problems: readonly Problem[];
  readonly forget: (() => void) | undefined;
  readonly page: PieceReader['page'];
  readonly stretch: PieceReader['stretch'];
  readonly gap: PieceReader['gap'];
  readonly parts: PieceReader['parts'];
  readonly gapEnd: PieceReader['gapEnd'];
  readonly present: PieceReader['present'];

  constructor(file: ByteSource, headers: readonly ProgramHeader[], flags: number) {
    const all = headers.filter(({ type }) => type === PT_LOAD);
    this.notes = headers.filter(({ type }) => type === PT_NOTE).flatMap((header) => notesOf(file, header));
    const isLive = isKcore(file, this.notes);
    this.forget = isLive ? file.forget : undefined;
    const loads = isLive ? directMap(file.name, all) : believable(all);
    const map = new PieceMap(loads);
    const pieces = new PieceReader(file, map);
    this.limit = isLive || loads.length === all.length ? map.frames : undefined;
    this.page = (frame) => pieces.page(frame);
    this.stretch = (frame, target) => pieces.stretch(frame, target);
    this.gap = (frame) => pieces.gap(frame);
    this.parts = (frame) => pieces.parts(frame);
    this.gapEnd = (frame) => pieces.gapEnd(frame);
    this.present = () => pieces.present();
    refuseXen(file, this.notes);
    this.vmcoreinfo = this.notes.find(({ name }) => name === 'VMCOREINFO')?.desc ?? null;
    const incomplete = (flags & INCOMPLETE) !== 0;
    const parts = `${loads.length} segments${incomplete ? ', incomplete' : ''}`;
    this.description = isLive ? `live memory of the running kernel, ${parts}` : `ELF core, ${parts}`;
    const end = loads.reduce((most, { offset, filesz }) => Math.max(most, offset + filesz), 0);
    this.problems = [
      ...(!isLive && loads.length < all.length
        ? [`${file.name}: segments that contradict their neighbours are ignored (${all.length - loads.length})`]
        : []),
      ...(loads.some(({ memsz }) => memsz > 0) ? [] : [`${file.name}: no memory in this dump`]),
      ...(incomplete ? [`${file.name} is incomplete: makedumpfile was stopped, or ran out of space`] : []),
      ...(end > file.size
        ? [
            `${file.name} is truncated: its segments end at 0x${end.toString(16)}, the file at 0x${file.size.toString(16)}`,
          ]
        : []),
    ].map((message) => ({ message }));
  }
}

function notesOf(file: ByteSource, header: ProgramHeader): Note[] {
  if (header.offset + header.filesz > file.size) return [];
  return parseNotes(file.read(header.offset, Math.min(header.filesz, MOST_NOTE_BYTES), 'notes'));
}
