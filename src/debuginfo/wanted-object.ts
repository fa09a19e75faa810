// SPDX-License-Identifier: Apache-2.0
// Recognises files that were given as vmlinux or as a module, but are neither.
import { DumpError } from '../core/errors.js';
import type { ByteSource } from '../core/memory.js';
import { ELF_MAGIC } from '../elf/elf.js';
import type { ElfObject } from '../elf/sections.js';
import { fileName, type Wanted } from './places.js';

export type WantedObject = Exclude<Wanted, 'System.map'>;

const nameOf = (wanted: WantedObject): string => (wanted === 'vmlinux' ? 'a kernel' : 'a kernel module');
const hintOf = (wanted: WantedObject): string =>
  wanted === 'vmlinux'
    ? 'vmlinux with debug information is needed; vmlinuz is the boot image'
    : `${fileName(wanted)} or ${fileName(wanted)}.debug, with debug information, is needed`;
/** Signature of a boot image, and its offset (Documentation/arch/x86/boot.rst). */
const BOOT_IMAGE = 'HdrS';
const BOOT_AT = 0x202;

/** Throws `DumpError` if a file is not ELF. */
export function refuseOther(file: ByteSource, wanted: WantedObject): void {
  const start = file.read(0, Math.min(file.size, BOOT_AT + 4), 'start of the file');
  if (start.length >= 4 && start.u32(0) === ELF_MAGIC) return;
  const isBoot = start.length >= BOOT_AT + 4 && start.text(BOOT_AT, 4) === BOOT_IMAGE;
  const what = isBoot ? 'a boot image (vmlinuz), not an ELF file' : 'not an ELF file';
  throw new DumpError(`${file.name}: ${what}`, { code: 'wrong-file', hint: hintOf(wanted) });
}

/** Throws `DumpError` if a file is a program: its build-id would be reported as that of another kernel. */
export function refuseProgram(object: ElfObject, wanted: WantedObject): void {
  if (object.section('.interp') !== null)
    throw new DumpError(`${object.file.name}: a program, not ${nameOf(wanted)}`, {
      code: 'wrong-file',
      hint: hintOf(wanted),
    });
}
