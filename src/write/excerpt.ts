// SPDX-License-Identifier: Apache-2.0
import { linkSync, lstatSync, realpathSync, renameSync, type Stats, statSync } from 'node:fs';
import type { Pfn } from '../core/address.js';
import { DumpError, UsageError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { FrameSource } from '../core/memory.js';
import { EXCERPT_NOTE } from '../dump/layout/kdump.js';
import { withDraft } from './draft.js';
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

/** A path that may be written to: what a name leads to, and whether something there is to be replaced. */
export interface Target {
  readonly path: string;
  readonly replace: boolean;
}

/**
 * Refuses a path that is taken, unless it may be overwritten (`force`); and even then the dump itself, and whatever is
 * no regular file. A link is followed, so that what it names is replaced and not the link.
 */
export function checkTarget(path: string, force: boolean, dump: string): Target {
  if (lookAt(path) === null) return { path, replace: false };
  if (!force) throw new UsageError(`${path} exists already; --force overwrites it`);
  const found = statOf(path);
  if (found === null) throw new UsageError(`${path} is a link to nothing`);
  if (!found.isFile()) throw new UsageError(`${path} is no regular file`);
  const source = statOf(dump);
  if (source !== null && source.dev === found.dev && source.ino === found.ino)
    throw new UsageError(`${path} is the dump that the excerpt is cut from`);
  return { path: realpathSync(path), replace: true };
}

const lookAt = (path: string): Stats | null => lstatSync(path, { throwIfNoEntry: false }) ?? null;
const statOf = (path: string): Stats | null => statSync(path, { throwIfNoEntry: false }) ?? null;

/**
 * Writes an excerpt under another name, has it read again by `verify`, and only then gives it its own; what stood
 * there before stays until then. Returns its size in bytes.
 */
export async function writeExcerpt(
  { path, replace }: Target,
  source: ExcerptSource,
  frames: readonly Pfn[],
  verify: (path: string) => Promise<void>,
  log: Log,
): Promise<number> {
  const draft = `${path}.partial-${process.pid}`;
  const page = (frame: Pfn): Uint8Array => {
    log.tick();
    return pageOf(source.memory, frame);
  };
  try {
    return await withDraft(draft, async () => {
      await writeKdump(draft, { ...source, notes: notesOf(source), frames, page });
      await verify(draft);
      place(draft, path, replace);
      return statSync(path).size;
    });
  } catch (error) {
    throw isOfSystem(error) ? new DumpError(`${path}: ${error.message}`, { cause: error }) : error;
  }
}

const isOfSystem = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && 'syscall' in error;

/** A link fails where the name is taken, so nobody's file is lost between the look and the deed. */
function place(draft: string, path: string, replace: boolean): void {
  if (replace) {
    renameSync(draft, path);
    return;
  }
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' || lookAt(path) !== null)
      throw new UsageError(`${path} has come into being meanwhile; nothing was written`);
    // A file system without hard links.
    renameSync(draft, path);
  }
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
