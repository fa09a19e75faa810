// SPDX-License-Identifier: Apache-2.0
// What the file of a guest's memory says of its processors and its kernel.
import { orNull } from '../core/errors.js';
import { type Log, silentLog } from '../core/log.js';
import { qemuNote } from '../elf/qemu-note.js';
import { LOG_NEEDS } from '../kernel/needs.js';
import type { Selected } from '../kvm/select.js';
import { type GuestVcpu, vcpusOfVm } from '../kvm/vcpus/read.js';
import type { VmCoreInfo } from '../notes/vmcoreinfo.js';
import { noteRegisters } from '../spaces/guest-image.js';
import type { NewNote } from '../write/notes.js';
import { openGuest } from './in-guest.js';

/** What is known of a guest besides its memory. */
export interface GuestAbout {
  readonly notes: readonly NewNote[];
  /** The texts of struct new_utsname; empty ones if its kernel could not be read. */
  readonly uts: readonly string[];
  readonly physBase: bigint;
  /** Release of its kernel; null if it is not a Linux that could be read. */
  readonly release: string | null;
}

/** Collects it: a note of each vCPU, and VMCOREINFO, which the guest's kernel keeps in its memory. */
export function aboutGuest(selected: Selected, log: Log): GuestAbout {
  const { vm } = selected;
  const vcpus = orNull(() => vcpusOfVm(vm.kvm, vm.address)) ?? [];
  const known = vcpus.filter(({ registers, nestedGuest }) => registers.rip !== null && nestedGuest === false);
  const status = known.map(prstatus);
  const qemu = known.map(({ registers }) => {
    const { name, type, desc } = qemuNote(noteRegisters(registers));
    return { name, type, desc: desc.array() };
  });
  const quiet: Log = {
    ...silentLog,
    tick: (part) => {
      log.tick(part);
    },
  };
  // Without a kernel there is still the memory.
  const kernel = log.step('kernel of the guest', () => orNull(() => openGuest(selected, LOG_NEEDS, quiet).host));
  if (kernel === null) return { notes: [...status, ...qemu], uts: [], physBase: 0n, release: null };
  const { info, uts, release } = kernel;
  const text = { name: 'VMCOREINFO', type: 0, desc: Buffer.from(info.source, 'latin1') };
  return { notes: [...status, text, ...qemu], uts, physBase: physBaseOf(info), release };
}

/** phys_base as the header of a kdump file can have it; 0 for one that can't be right: the text is the guest's own. */
function physBaseOf(info: VmCoreInfo): bigint {
  const value = info.number('phys_base') ?? 0n;
  return value === BigInt.asIntN(64, value) ? value : 0n;
}

const NT_PRSTATUS = 1;
/** Size of struct elf_prstatus, and offsets in it (include/uapi/linux/elfcore.h; include/linux/elfcore.h). */
const PRSTATUS = 336;
const PID = 32;
const REGISTERS = 112;
/** Order of struct user_regs_struct (arch/x86/include/asm/user_64.h). */
const IN_ORDER = [
  ...(['r15', 'r14', 'r13', 'r12', 'rbp', 'rbx', 'r11', 'r10', 'r9', 'r8'] as const),
  ...(['rax', 'rcx', 'rdx', 'rsi', 'rdi', 'orig_rax', 'rip', 'cs', 'rflags', 'rsp', 'ss'] as const),
  ...(['fs_base', 'gs_base', 'ds', 'es', 'fs', 'gs'] as const),
];

/** The note of a processor that dumps have since the first; its pid is the number of the processor. */
function prstatus({ index, registers }: GuestVcpu): NewNote {
  const desc = Buffer.alloc(PRSTATUS);
  desc.writeUInt32LE(index, PID);
  for (const [i, name] of IN_ORDER.entries()) desc.writeBigUInt64LE(registerValue(registers, name), REGISTERS + i * 8);
  return { name: 'CORE', type: NT_PRSTATUS, desc };
}

/** A register; 0 if it is not known. */
function registerValue(registers: GuestVcpu['registers'], name: (typeof IN_ORDER)[number]): bigint {
  if (name === 'orig_rax') return 2n ** 64n - 1n;
  if (name === 'fs_base' || name === 'gs_base') return registers[name === 'fs_base' ? 'fs' : 'gs']?.base ?? 0n;
  const value = registers[name];
  if (value === null) return 0n;
  return typeof value === 'bigint' ? value : BigInt(value.selector);
}
