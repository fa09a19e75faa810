// SPDX-License-Identifier: Apache-2.0
// The note of a processor in dumps that QEMU writes: name "QEMU", type 0 (target/i386/arch_dump.c, struct QEMUCPUState).
import { Bytes } from '../core/bytes.js';
import type { Note } from './notes.js';

/** Name of these notes. */
export const QEMU_NOTE = 'QEMU';
const VERSION = 1;
const SIZE = 440;
/** Offsets of the members after the general-purpose registers. */
const RIP = 136;
const RFLAGS = 144;
const SEGMENTS = 152;
const BYTES_OF_SEGMENT = 24;
const CR0 = 392;
const CR2 = 408;
/** The members that lead to the page tables. */
export const CR3 = 416;
export const CR4 = 424;

/** General-purpose registers in the order of the note. */
export const NOTE_GENERAL = [
  ...(['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rsp', 'rbp'] as const),
  ...(['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const),
] as const;
/** Segment registers and descriptor tables in the order of the note. */
export const NOTE_SEGMENTS = ['cs', 'ds', 'es', 'fs', 'gs', 'ss', 'ldtr', 'tr', 'gdtr', 'idtr'] as const;

/** A segment register, in the terms of the note. */
export interface NoteSegment {
  readonly selector: number;
  readonly limit: number;
  /** The second word of a descriptor: access rights from bit 8 on. */
  readonly flags: number;
  readonly base: bigint;
}

/** The registers of a processor; one that is not known is 0 in the note. */
export type NoteRegisters = Partial<
  Readonly<Record<(typeof NOTE_GENERAL)[number] | 'rip' | 'rflags' | 'cr0' | 'cr2' | 'cr3' | 'cr4', bigint | null>> &
    Readonly<Record<(typeof NOTE_SEGMENTS)[number], NoteSegment | null>>
>;

/** The note of a processor with these registers. */
export function qemuNote(registers: NoteRegisters): Note {
  const view = new DataView(new ArrayBuffer(SIZE));
  const put = (offset: number, value: bigint | null | undefined): void => {
    view.setBigUint64(offset, value ?? 0n, true);
  };
  view.setUint32(0, VERSION, true);
  view.setUint32(4, SIZE, true);
  for (const [i, name] of NOTE_GENERAL.entries()) put(8 + i * 8, registers[name]);
  put(RIP, registers.rip);
  put(RFLAGS, registers.rflags);
  for (const [i, name] of NOTE_SEGMENTS.entries()) putSegment(view, SEGMENTS + i * BYTES_OF_SEGMENT, registers[name]);
  put(CR0, registers.cr0);
  put(CR2, registers.cr2);
  put(CR3, registers.cr3);
  put(CR4, registers.cr4);
  return { name: QEMU_NOTE, type: 0, desc: new Bytes(view, { source: 'registers of a vCPU', offset: 0 }) };
}

function putSegment(view: DataView, offset: number, segment: NoteSegment | null | undefined): void {
  if (segment == null) return;
  view.setUint32(offset, segment.selector, true);
  view.setUint32(offset + 4, segment.limit, true);
  view.setUint32(offset + 8, segment.flags, true);
  view.setBigUint64(offset + 16, segment.base, true);
}
