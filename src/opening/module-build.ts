// SPDX-License-Identifier: Apache-2.0
// The build of a module that is loaded in a dump, and checks that a file is from the same build.
import type { Bytes } from '../core/bytes.js';
import { orNull } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { isUnreadable, type Memory, readOf, type Unreadable } from '../core/memory.js';
import { occurrences } from '../core/memory-search.js';
import { buildIdNote, GNU_BUILD_ID, parseNotes } from '../elf/notes.js';
import { pointerAt } from '../kernel/containers/pointer.js';
import { findModule } from '../kernel/modules.js';
import type { NeededModule } from '../kernel/needs.js';
import { binAttributeFields, moduleNotesFields, notesAttrsFields } from '../kernel/structs.js';
import type { SymbolTable } from '../symbols/table.js';
import { resolve } from '../types/fields.js';
import type { TypeSource } from '../types/source.js';
import { otherBuild } from './same-build.js';

/** Most notes of a module. */
const MOST_NOTES = 64;
const LONGEST_NOTE = 0x10000n;

/** Addresses of modules in all versions, with or without KASLR (MODULES_VADDR, MODULES_END; asm/pgtable_64_types.h). */
const MODULES_START = 0xffffffffa0000000n;
const MODULES_END = 0xffffffffff000000n;

/** A file or profile from outside the dump that describes structures of a module. */
export interface ModuleOrigin {
  readonly name: string;
  readonly module: NeededModule;
  /** Build-id of the module described; null if unknown. */
  readonly buildId: string | null;
}

/** Build-id of a loaded module in hexadecimal, as recorded by the kernel; null if it can't be found. */
export function moduleBuildId(memory: Memory, symbols: SymbolTable, types: TypeSource, name: string): string | null {
  return orNull(() => {
    const modules = symbols.find('modules');
    const module = modules === null ? null : findModule(memory, types, modules, name);
    return module === null ? null : buildIdOf(memory, types, module);
  });
}

function buildIdOf(memory: Memory, types: TypeSource, module: bigint): string | null {
  const { module: at } = resolve(types, { module: moduleNotesFields });
  if (at.buildId !== null) {
    const bytes = readOf(memory, module + BigInt(at.buildId.offset), at.buildId.size, 'build-id of a module').array();
    return bytes.every((byte) => byte === 0) ? null : Buffer.from(bytes).toString('hex');
  }
  if (at.notes === null || types.sizeOf('module_notes_attrs') === null || types.sizeOf('bin_attribute') === null)
    return null;
  const notes = pointerAt(memory, module + BigInt(at.notes.offset), 'notes of a module');
  return notes === 0n ? null : buildIdInNotes(memory, types, notes);
}

function buildIdInNotes(memory: Memory, types: TypeSource, address: bigint): string | null {
  const at = resolve(types, { notes: notesAttrsFields, attribute: binAttributeFields });
  const { count, pointers } = at.notes;
  const most =
    count === null ? MOST_NOTES : readOf(memory, address + BigInt(count.offset), 4, 'notes of a module').u32(0);
  const list = pointers === null ? null : pointerAt(memory, address + BigInt(pointers.offset), 'notes of a module');
  for (let i = 0; i < Math.min(most, MOST_NOTES); i++) {
    if (list !== null && pointerAt(memory, list + BigInt(i * 8), 'notes of a module') === 0n) return null;
    const place = address + BigInt(at.notes.attributes.offset + i * at.attribute.bytes);
    const attribute = readOf(memory, place, at.attribute.bytes, 'note of a module');
    const size = attribute.u64(at.attribute.size.offset);
    if (size > LONGEST_NOTE) continue;
    const bytes = readOf(memory, attribute.u64(at.attribute.address.offset), Number(size), 'note of a module');
    const note = parseNotes(bytes).find(({ name, type }) => name === 'GNU' && type === GNU_BUILD_ID);
    if (note !== undefined) return Buffer.from(note.desc.array()).toString('hex');
  }
  return null;
}

/**
 * Throws `DumpError` unless each origin is from the build that is loaded in the dump. What the kernel records is read
 * with offsets that may be wrong themselves. So a build-id that is not found that way is searched for, as a note, in
 * the memory of modules.
 */
export function checkModules(origins: readonly ModuleOrigin[], dump: OpenedDump): void {
  for (const module of new Set(origins.map((origin) => origin.module)))
    checkModule(
      module,
      origins.filter((origin) => origin.module === module),
      dump,
    );
}

interface OpenedDump {
  readonly memory: Memory;
  readonly symbols: SymbolTable;
  readonly types: TypeSource;
  readonly log: Log;
}

function checkModule(module: NeededModule, origins: readonly ModuleOrigin[], dump: OpenedDump): void {
  const { memory, symbols, types, log } = dump;
  const recorded = moduleBuildId(memory, symbols, types, module.name);
  const unproven = origins.filter(({ buildId }) => buildId === null || buildId !== recorded);
  const builtIn = recorded === null && unproven.length > 0 && symbols.find(module.builtIn) !== null;
  for (const { name, buildId } of unproven) {
    if (builtIn && buildId !== null)
      throw otherBuild(name, `it describes a module, but ${module.title} is built into the kernel of the dump`);
    if (builtIn) continue;
    if (buildId !== null) checkNote({ name, module, buildId }, recorded, dump);
    else log.warn(`${name} has no build-id of module ${module.name}: only the release was compared`);
  }
}

function checkNote(
  { name, module, buildId }: ModuleOrigin & { readonly buildId: string },
  recorded: string | null,
  { memory, log }: OpenedDump,
): void {
  const found = log.step('search for the build-id in the memory of modules', () => findNote(memory, buildId));
  if (found === 'found') return;
  const loaded =
    recorded === null ? 'no module in the dump has it' : `the module ${module.name} in the dump has ${recorded}`;
  if (recorded !== null || found === 'absent') throw otherBuild(name, `build-id ${buildId}, but ${loaded}`);
  log.warn(
    `${name}: can't check that it matches the module ${module.name} of the dump: pages of modules are not in the dump`,
  );
}

/** Searches the memory of modules. `unknown`: not found, but a part of that memory is not in the dump. */
function findNote(memory: Memory, buildId: string): 'found' | 'absent' | 'unknown' {
  const watched = new Watched(memory);
  const { done } = occurrences(watched, MODULES_START, MODULES_END, buildIdNote(buildId)).next();
  if (done !== true) return 'found';
  return watched.hasGaps ? 'unknown' : 'absent';
}

/** Memory that records whether a mapped page could not be read. */
class Watched implements Memory {
  hasGaps = false;

  constructor(readonly memory: Memory) {}

  read(address: bigint, length: number): Bytes | Unreadable {
    const bytes = this.memory.read(address, length);
    if (isUnreadable(bytes) && bytes.reason !== 'unmapped') this.hasGaps = true;
    return bytes;
  }
}
