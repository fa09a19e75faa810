// SPDX-License-Identifier: Apache-2.0
import { existsSync, linkSync, renameSync, rmSync, statSync } from 'node:fs';
import type { Pfn } from '../core/address.js';
import { DumpError, UsageError } from '../core/errors.js';
import type { FrameSource } from '../core/memory.js';
import { EXCERPT_NOTE } from '../dump/layout/kdump.js';
import { writeKdump } from './kdump-writer.js';
import type { NewNote } from './notes.js';

/** What an excerpt is cut from. */
export interface ExcerptSource {
  readonly uts: readonly string[];
  readonly physBase: bigint;
  readonly notes: readonly NewNote[];
  readonly vmcoreinfo: Uint8Array | null;
  readonly memory: FrameSource;
}

/** Refuses a path that is taken, unless it may be overwritten. */
export function checkTarget(path: string, force: boolean): void {
  if (!force && existsSync(path)) throw new UsageError(`${path} exists already; --force overwrites it`);
}

/**
 * Writes an excerpt under another name, has it read again by `verify`, and only then gives it its own; what stood
 * there before stays until then. Returns its size in bytes.
 */
export async function writeExcerpt(
  path: string,
  force: boolean,
  source: ExcerptSource,
  frames: readonly Pfn[],
  verify: (path: string) => Promise<void>,
): Promise<number> {
  const draft = `${path}.partial-${process.pid}`;
  try {
    writeKdump(draft, { ...source, notes: notesOf(source), frames, page: (frame) => pageOf(source.memory, frame) });
    await verify(draft);
    place(draft, path, force);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error instanceof Error && 'syscall' in error
      ? new DumpError(`${path}: ${error.message}`, { cause: error })
      : error;
  }
  return statSync(path).size;
}

/** linkSync fails where the name is taken, so nobody's file is lost between the look and the deed. */
function place(draft: string, path: string, force: boolean): void {
  if (force) {
    renameSync(draft, path);
    return;
  }
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') checkTarget(path, false);
    // A file system without hard links.
    checkTarget(path, false);
    renameSync(draft, path);
    return;
  }
  rmSync(draft);
}

function notesOf({ notes, vmcoreinfo }: ExcerptSource): NewNote[] {
  const told = notes.some(({ name }) => name === 'VMCOREINFO') || vmcoreinfo === null;
  const marker = { name: EXCERPT_NOTE, type: 0, desc: new Uint8Array(0) };
  const rest = notes.filter(({ name }) => name !== EXCERPT_NOTE);
  return told ? [...rest, marker] : [...rest, { name: 'VMCOREINFO', type: 0, desc: vmcoreinfo }, marker];
}

function pageOf(memory: FrameSource, frame: Pfn): Uint8Array {
  const page = memory.frame(frame);
  if (page === null) throw new DumpError(`frame 0x${frame.toString(16)}: ${memory.why(frame).message}`);
  return new Uint8Array(page.buffer, page.byteOffset, page.byteLength);
}
