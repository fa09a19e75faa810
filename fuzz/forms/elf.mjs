// SPDX-License-Identifier: Apache-2.0
// The ELF form (System V gABI, chapters 4 and 5), with VMCOREINFO as its only note.

/** @import { Form } from './form.mjs' */

const PAGE = 4096;
const HEADER_BYTES = 64;
const PROGRAM_BYTES = 56;
const [PT_LOAD, PT_NOTE] = [1, 4];
const [ET_CORE, EM_X86_64, EV_CURRENT] = [4, 62, 1];
/** The virtual address of physical address 0 in the kernel's own vmcore (without KASLR). */
const DIRECT_MAP = 0xffff888000000000n;

/** Consecutive frames. @typedef {{ frame: number, pages: number }} Run */

/**
 * An ELF core of some pages.
 *
 * @param {readonly number[]} frames
 * @param {readonly Buffer[]} pages
 * @param {Buffer} vmcoreinfo
 * @returns {Form}
 */
export function elf(frames, pages, vmcoreinfo) {
  const runs = runsOf(frames);
  const note = noteOf(vmcoreinfo);
  const notes = HEADER_BYTES + PROGRAM_BYTES * (runs.length + 1);
  const start = Math.ceil((notes + note.length) / PAGE) * PAGE;
  const head = Buffer.alloc(start);
  writeHeader(head, runs.length + 1);
  writeProgram(head, 0, { type: PT_NOTE, offset: notes, vaddr: 0n, paddr: 0, size: note.length });
  note.copy(head, notes);
  let offset = start;
  for (const [i, run] of runs.entries()) {
    const [paddr, size] = [run.frame * PAGE, run.pages * PAGE];
    writeProgram(head, i + 1, { type: PT_LOAD, offset, vaddr: DIRECT_MAP + BigInt(paddr), paddr, size });
    offset += size;
  }
  return {
    file: Buffer.concat([head, ...pages]),
    regions: {
      header: [0, HEADER_BYTES],
      'program headers': [HEADER_BYTES, notes],
      notes: [notes, notes + note.length],
      pages: [start, offset],
    },
    plain: true,
  };
}

/** @type {(frames: readonly number[]) => Run[]} */
function runsOf(frames) {
  /** @type {Run[]} */
  const runs = [];
  for (const frame of frames) {
    const last = runs.at(-1);
    if (last !== undefined && last.frame + last.pages === frame) last.pages++;
    else runs.push({ frame, pages: 1 });
  }
  return runs;
}

/** @type {(vmcoreinfo: Buffer) => Buffer} */
function noteOf(vmcoreinfo) {
  const name = Buffer.from('VMCOREINFO\0\0');
  const note = Buffer.concat([Buffer.alloc(12), name, vmcoreinfo]);
  // Without its last byte, which is only padding.
  note.writeUInt32LE(name.length - 1, 0);
  note.writeUInt32LE(vmcoreinfo.length, 4);
  return note;
}

/** @type {(head: Buffer, programs: number) => void} */
function writeHeader(head, programs) {
  // ELF, 64 bits, little endian.
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  head.writeUInt16LE(ET_CORE, 16);
  head.writeUInt16LE(EM_X86_64, 18);
  head.writeUInt32LE(EV_CURRENT, 20);
  head.writeBigUInt64LE(BigInt(HEADER_BYTES), 32);
  head.writeUInt16LE(HEADER_BYTES, 52);
  head.writeUInt16LE(PROGRAM_BYTES, 54);
  head.writeUInt16LE(programs, 56);
}

/**
 * @param {Buffer} head
 * @param {number} index
 * @param {{ type: number, offset: number, vaddr: bigint, paddr: number, size: number }} program
 */
function writeProgram(head, index, { type, offset, vaddr, paddr, size }) {
  const at = HEADER_BYTES + index * PROGRAM_BYTES;
  head.writeUInt32LE(type, at);
  for (const [i, word] of [offset, vaddr, paddr, size, size].entries())
    head.writeBigUInt64LE(BigInt(word), at + 8 + i * 8);
}
