// SPDX-License-Identifier: Apache-2.0
import { orNull } from '../core/errors.js';
import { type Memory, readOf } from '../core/memory.js';
import { GNU_BUILD_ID, parseNotes } from '../elf/notes.js';
import type { KernelIdentity } from '../kernel/host.js';
import type { VmCoreInfo } from '../notes/vmcoreinfo.js';
import type { SymbolTable } from '../symbols/table.js';

/** Notes of a kernel, Xen's and others' among them, take a few hundred bytes. */
const MOST_NOTES = 0x10000n;

/**
 * The build-id out of the kernel's own notes in memory (/sys/kernel/notes); else VMCOREINFO's, which since Linux commit
 * 905415ff3ffb ("lib/buildid: harden build ID parsing logic") is wrong in the stable releases that took it over.
 */
export class Identity implements KernelIdentity {
  readonly #find: () => string | null;
  readonly #told: string | null;
  #found: string | null | undefined;

  /** Its notes are read when the build-id is first asked for. */
  constructor(
    memory: Memory,
    info: VmCoreInfo,
    symbols: SymbolTable,
    readonly release: string,
    readonly version: string,
  ) {
    const told = info.text('BUILD-ID');
    this.#told = told !== null && /^[0-9a-f]{40}$/.test(told) ? told : null;
    this.#find = () => buildIdInMemory(memory, symbols);
  }

  get buildId(): string | null {
    return this.#proven ?? this.#told;
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
