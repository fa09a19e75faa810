// SPDX-License-Identifier: Apache-2.0
import { orNull } from '../core/errors.js';
import { type Memory, readOf } from '../core/memory.js';
import { GNU_BUILD_ID, parseNotes } from '../elf/notes.js';
import type { KernelIdentity } from '../kernel/host.js';
import type { VmCoreInfo } from '../notes/vmcoreinfo.js';
import type { SymbolTable } from '../symbols/table.js';

/** Most bytes of the notes of a kernel, which take a few hundred, with those for Xen and others. */
const MOST_NOTES = 0x10000n;

/**
 * The identity of a kernel. Its build-id is from the kernel's notes in memory (/sys/kernel/notes); if they are missing,
 * from VMCOREINFO, where it is wrong in stable releases with a backport of Linux commit 905415ff3ffb ("lib/buildid:
 * harden build ID parsing logic").
 */
export class Identity implements KernelIdentity {
  readonly #find: () => string | null;
  readonly #recorded: string | null;
  #found: string | null | undefined;

  /** The notes are read when the build-id is first asked for. */
  constructor(
    memory: Memory,
    info: VmCoreInfo,
    symbols: SymbolTable,
    readonly release: string,
    readonly version: string,
  ) {
    const recorded = info.text('BUILD-ID');
    this.#recorded = recorded !== null && /^[0-9a-f]{40}$/.test(recorded) ? recorded : null;
    this.#find = () => buildIdInMemory(memory, symbols);
  }

  get buildId(): string | null {
    return this.#proven ?? this.#recorded;
  }

  get buildIdProven(): boolean {
    return this.#proven !== null;
  }

  get #proven(): string | null {
    if (this.#found === undefined) this.#found = this.#find();
    return this.#found;
  }
}

function buildIdInMemory(memory: Memory, symbols: SymbolTable): string | null {
  return orNull(() => {
    const start = symbols.find('__start_notes');
    const stop = symbols.find('__stop_notes');
    if (start === null || stop === null || stop <= start || stop - start > MOST_NOTES) return null;
    const notes = parseNotes(readOf(memory, start, Number(stop - start), 'notes of the kernel'));
    const note = notes.find(({ name, type }) => name === 'GNU' && type === GNU_BUILD_ID);
    return note === undefined ? null : Buffer.from(note.desc.array()).toString('hex');
  });
}
