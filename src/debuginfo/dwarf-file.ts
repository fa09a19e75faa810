// SPDX-License-Identifier: Apache-2.0
import { dirname, join, resolve } from 'node:path';
import { DumpError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { ByteSource } from '../core/memory.js';
import { ElfObject } from '../elf/sections.js';
import { type Definitions, SearchedDefinitions } from '../types/dwarf/definitions.js';
import { Entries } from '../types/dwarf/entries.js';
import { DwarfGraph } from '../types/dwarf/graph.js';
import type { DebugSections } from '../types/dwarf/sections.js';
import { GraphTypes } from '../types/graph.js';
import type { TypeSource } from '../types/source.js';
import { openPacked } from './file.js';
import { CachedDefinitions } from './index-cache.js';
import { openDebugSections } from './sections.js';
import { refuseOther, refuseProgram, type WantedObject } from './wanted-object.js';

/** Least size of .debug_info, in bytes, for which an index is cached. A smaller one is searched faster than that. */
const WORTH_CACHING = 4 * 1024 * 1024;

/** A file with DWARF: its types, and a function that saves the index of where they were found. */
export interface DwarfFile {
  readonly object: ElfObject;
  readonly types: TypeSource;
  readonly save: (log: Log) => void;
}

/**
 * Opens an ELF file by path, decompressed if necessary, or from a source. `wanted`: what the file should be. Throws
 * `DumpError` if it can't be that.
 */
export async function openObject(from: string | ByteSource, wanted: WantedObject = 'vmlinux'): Promise<ElfObject> {
  const file = typeof from === 'string' ? await openPacked(from) : from;
  try {
    refuseOther(file, wanted);
    const object = new ElfObject(file);
    refuseProgram(object, wanted);
    return object;
  } catch (error) {
    file.close?.();
    throw error;
  }
}

/**
 * Opens the DWARF of an ELF file. `likely`: endings of the names of source files that are likely to define what is
 * needed. `open` opens the file that dwz moved common parts to. Throws `DumpError` if there is no DWARF.
 */
export async function openDwarf(
  object: ElfObject,
  likely: readonly string[],
  open: (path: string) => Promise<ElfObject> = (path) => openObject(path),
): Promise<DwarfFile> {
  const sections = await openDebugSections(object, await openAlternate(object, open));
  const entries = new Entries(sections);
  const searched = new SearchedDefinitions(entries, likely);
  const { buildId } = object;
  const keeps = buildId !== null && sections.infoSize >= WORTH_CACHING;
  const cached = keeps ? new CachedDefinitions(entries, searched, { buildId, size: object.file.size }) : null;
  const definitions: Definitions = cached ?? searched;
  return {
    object,
    types: new GraphTypes(new DwarfGraph(`DWARF of ${object.file.name}`, entries, definitions)),
    save: (log) => cached?.save(log),
  };
}

/** Opens the file that dwz moved common entries to. .gnu_debugaltlink has its path and its build-id. */
async function openAlternate(
  object: ElfObject,
  open: (path: string) => Promise<ElfObject>,
): Promise<DebugSections | null> {
  const section = object.section('.gnu_debugaltlink');
  if (section === null || !object.hasContents(section)) return null;
  const bytes = object.bytes(section);
  const link = bytes.text();
  const path = resolve(dirname(object.file.name), link);
  const alternate = await open(path).catch((error: unknown) => {
    throw new DumpError(
      `${object.file.name}: part of its debug information is in another file: ${(error as Error).message}`,
      {
        code: 'wrong-file',
        cause: error,
        hint: `it is expected at ${join(dirname(object.file.name), link)}`,
      },
    );
  });
  const wanted = Buffer.from(bytes.array().subarray(link.length + 1)).toString('hex');
  if (alternate.buildId !== wanted)
    throw new DumpError(`${path}: build-id ${alternate.buildId ?? 'none'}, but ${object.file.name} needs ${wanted}`, {
      code: 'other-build',
    });
  return openDebugSections(alternate, null);
}
