// SPDX-License-Identifier: Apache-2.0
// Registers on Intel's processors: what is in vcpu.arch is current if regs_avail says so; the VMCS has the rest.
import type { Member } from '../../types/source.js';
import { type Arch, readCommon, readGeneral } from './arch.js';
import { type RegisterFile, SEGMENTS, TABLES, undescribed } from './registers.js';

/** Reads the registers that vcpu.arch has. `why`: why the others are not known. */
export function readIntel(file: RegisterFile, arch: Arch, why: string): void {
  const { at, types } = arch.of;
  const unknown = readGeneral(file, arch, (i) => arch.isAvailable(i));
  const isCurrent = {
    cr0: isControlCurrent(arch, 'cr0', at.cr0Guest),
    cr3: arch.isControlAvailable('cr3') === true,
    cr4: isControlCurrent(arch, 'cr4', at.cr4Guest),
  };
  for (const name of ['cr0', 'cr3', 'cr4'] as const)
    if (isCurrent[name]) file.read(name, 'vcpu.arch', () => arch.number(at[name]));
    else unknown.push(name);
  readCommon(file, arch);
  file.read('dr6', 'vcpu.arch', () => arch.optional('dr6'));
  file.find('cr8', () => {
    const own = arch.cr8;
    if (own !== null) return ['vcpu.arch', own];
    throw undescribed(types, 'struct kvm_lapic, which has the task priority');
  });
  file.lack([...unknown, 'rflags', ...SEGMENTS, ...TABLES], why);
}

/** Whether KVM has read the register since the last exit, or the guest can't change it without an exit. */
function isControlCurrent(arch: Arch, name: 'cr0' | 'cr4', guestOwned: Member | null): boolean {
  return arch.isControlAvailable(name) === true || (guestOwned !== null && arch.number(guestOwned) === 0n);
}
