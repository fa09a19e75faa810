// SPDX-License-Identifier: Apache-2.0
import type { Pfn } from '../core/address.js';
import { DumpError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { FrameSource } from '../core/memory.js';
import { excerptNote, type GapRun } from '../dump/layout/excerpt-note.js';
import { EXCERPT_NOTE } from '../dump/layout/kdump.js';
import { writeKdump } from './kdump-writer.js';
import type { NewNote } from './notes.js';
import { PRIVATE, type Target, writeTo } from './target.js';

/** What an excerpt is made from. `uts` has the texts of the header's struct new_utsname. */
export interface ExcerptSource {
  readonly uts: readonly string[];
  readonly physBase: bigint;
  readonly notes: readonly NewNote[];
  readonly vmcoreinfo: Uint8Array | null;
  readonly memory: FrameSource;
  /** What was found missing in the dump. */
  readonly gaps: readonly GapRun[];
}

/**
 * Writes an excerpt with the given frames, ascending. `verify` reads it before it is renamed to its final name. Returns
 * its size in bytes. Throws `DumpError` if a frame is not in the dump, or the file can't be written.
 */
export function writeExcerpt(
  target: Target,
  source: ExcerptSource,
  frames: readonly Pfn[],
  verify: (path: string) => Promise<void>,
  log: Log,
): Promise<number> {
  const page = (frame: Pfn): Uint8Array => {
    log.tick();
    return pageOf(source.memory, frame);
  };
  return writeTo(target, PRIVATE, async (draft) => {
    await writeKdump(draft, { ...source, notes: notesOf(source), frames, page });
    await verify(draft);
  });
}

function notesOf({ notes, vmcoreinfo, gaps, memory }: ExcerptSource): NewNote[] {
  const isComplete = notes.some(({ name }) => name === 'VMCOREINFO') || vmcoreinfo === null;
  const marker = { name: EXCERPT_NOTE, type: 0, desc: excerptNote({ limit: memory.limit, gaps }) };
  const rest = notes.filter(({ name }) => name !== EXCERPT_NOTE);
  return isComplete ? [...rest, marker] : [...rest, { name: 'VMCOREINFO', type: 0, desc: vmcoreinfo }, marker];
}

function pageOf(memory: FrameSource, frame: Pfn): Uint8Array {
  const page = memory.frame(frame);
  if (page === null)
    throw new DumpError(`frame 0x${frame.toString(16)}: ${memory.why(frame).message}`, { code: 'not-in-dump' });
  return new Uint8Array(page.buffer, page.byteOffset, page.byteLength);
}
