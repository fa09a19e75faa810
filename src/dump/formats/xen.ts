// SPDX-License-Identifier: Apache-2.0
import { DumpError, orNull } from '../../core/errors.js';
import type { ByteSource } from '../../core/memory.js';
import type { Note } from '../../elf/notes.js';
import { ElfObject } from '../../elf/sections.js';

/** Names of the notes of a crashed Xen hypervisor, and of the text that makedumpfile keeps of it (its common.h). */
const XEN_NOTES: ReadonlySet<string> = new Set(['Xen', 'VMCOREINFO_XEN']);

/** The error for a dump of Xen; `what` says of which part of it. */
export const xenDump = (file: ByteSource, what: string): DumpError =>
  new DumpError(`${file.name}: a dump of ${what}; only KVM hosts are read`, {
    code: 'unsupported',
    hint: 'crash reads it (with xen-syms for the hypervisor, with its own vmlinux for a domain)',
  });

/** Throws `DumpError` for the dump of a host that ran Xen: ELF, or kdump-compressed by `makedumpfile -X`. */
export function refuseXen(file: ByteSource, notes: readonly Note[]): void {
  if (notes.some(({ name }) => XEN_NOTES.has(name))) throw xenDump(file, 'a Xen hypervisor with its domain 0');
}

/** Whether an ELF file is from `xl dump-core`: sections, no program headers (Xen docs/misc/dump-core-format.txt). */
export const isXenDomain = (file: ByteSource): boolean =>
  orNull(() => new ElfObject(file).section('.note.Xen')) !== null;
