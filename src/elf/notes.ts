// SPDX-License-Identifier: Apache-2.0
import type { Bytes } from '../core/bytes.js';

/** A note: `name` without its NUL. */
export interface Note {
  readonly name: string;
  readonly type: number;
  readonly desc: Bytes;
}

/** NT_GNU_BUILD_ID (elf.h). */
export const GNU_BUILD_ID = 3;

const align4 = (size: number): number => Math.ceil(size / 4) * 4;

/** More notes, or bytes of them, no machine has: one or two of 400 bytes for each of 8,192 processors. */
export const MOST_NOTE_BYTES = 64 * 1024 * 1024;
const MOST_NOTES = 100_000;

/** The notes of a PT_NOTE segment or a kdump notes area, as far as they are whole (gABI, "Note Section"). */
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

/** The bytes of the note that holds a build-id, given as hexadecimal digits. */
export function buildIdNote(buildId: string): Uint8Array {
  const note = Buffer.concat([Buffer.alloc(12), Buffer.from('GNU\0'), Buffer.from(buildId, 'hex')]);
  note.writeUInt32LE(4, 0);
  note.writeUInt32LE(buildId.length / 2, 4);
  note.writeUInt32LE(GNU_BUILD_ID, 8);
  return note;
}
