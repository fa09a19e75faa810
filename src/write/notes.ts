// SPDX-License-Identifier: Apache-2.0

/** An ELF note to be written; `name` is without its NUL. */
export interface NewNote {
  readonly name: string;
  readonly type: number;
  readonly desc: Uint8Array;
}

const align4 = (size: number): number => Math.ceil(size / 4) * 4;
const nameSize = ({ name }: NewNote): number => name.length + 1;
const sizeOf = (note: NewNote): number => 12 + align4(nameSize(note)) + align4(note.desc.length);

/** The bytes of ELF notes, one after another (gABI, "Note Section"). */
export function noteBytes(notes: readonly NewNote[]): Uint8Array {
  const area = Buffer.alloc(notes.reduce((sum, note) => sum + sizeOf(note), 0));
  let at = 0;
  for (const note of notes) {
    area.writeUInt32LE(nameSize(note), at);
    area.writeUInt32LE(note.desc.length, at + 4);
    area.writeUInt32LE(note.type, at + 8);
    area.write(note.name, at + 12, 'latin1');
    area.set(note.desc, at + 12 + align4(nameSize(note)));
    at += sizeOf(note);
  }
  return area;
}

/** Offset and length, in the bytes of `noteBytes`, of the contents of the first note with this name; null if none. */
export function descOf(notes: readonly NewNote[], name: string): { offset: number; length: number } | null {
  let at = 0;
  for (const note of notes) {
    if (note.name === name) return { offset: at + 12 + align4(nameSize(note)), length: note.desc.length };
    at += sizeOf(note);
  }
  return null;
}
