// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';

/** An ELF note; `name` is without its NUL. */
export interface Note {
  readonly name: string;
  readonly type: number;
  readonly desc: Bytes;
}

/** NT_GNU_BUILD_ID (elf.h). */
export const GNU_BUILD_ID = 3;

const align4 = (size: number): number => Math.ceil(size / 4) * 4;

/** More than the notes of any machine: one or two of 400 bytes for each of 8,192 processors. */
export const MOST_NOTE_BYTES = 64 * 1024 * 1024;
const MOST_NOTES = 100_000;

/** Notes of a PT_NOTE segment or of a kdump file's notes area, up to the first damaged one (gABI, "Note Section"). */
export function parseNotes(bytes: Bytes): Note[] {
  const notes: Note[] = [];
  for (let at = 0; at + 12 <= bytes.length && notes.length < MOST_NOTES; ) {
    const nameSize = bytes.u32(at);
    const descSize = bytes.u32(at + 4);
    const desc = at + 12 + align4(nameSize);
    if (desc + descSize > bytes.length || (nameSize === 0 && descSize === 0)) break;
    notes.push({
      name: bytes.text(at + 12, nameSize),
      type: bytes.u32(at + 8),
      desc: bytes.slice(desc, descSize),
    });
    at = desc + align4(descSize);
  }
  return notes;
}

/** The bytes of a build-id note (NT_GNU_BUILD_ID); `buildId` is in hexadecimal. */
export function buildIdNote(buildId: string): Uint8Array {
  const note = Buffer.concat([Buffer.alloc(12), Buffer.from('GNU\0'), Buffer.from(buildId, 'hex')]);
  note.writeUInt32LE(4, 0);
  note.writeUInt32LE(buildId.length / 2, 4);
  note.writeUInt32LE(GNU_BUILD_ID, 8);
  return note;
}
