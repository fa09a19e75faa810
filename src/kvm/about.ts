// SPDX-License-Identifier: Apache-2.0
// What a VM is besides its memory: how many vCPUs, which vendor's module, which type.
import { DumpError } from '../core/errors.js';
import { LazyBytes } from '../core/lazy-bytes.js';
import type { Host } from '../kernel/host.js';
import { findModule } from '../kernel/modules.js';
import { resolve } from '../types/fields.js';
import type { Kvm } from './kvm.js';
import { kvmAboutFields } from './structs.js';

/** KVM_X86_*_VM in their order (arch/x86/include/uapi/asm/kvm.h). */
export const VM_TYPES = ['default', 'sw-protected', 'sev', 'sev-es', 'sev-snp', 'tdx'] as const;
export type VmType = (typeof VM_TYPES)[number];

/** The modules that make KVM run on a vendor's processors, and a symbol that each has where it is built in. */
const VENDORS = [
  ['kvm_amd', 'svm_x86_ops'],
  ['kvm_intel', 'vmx_x86_ops'],
] as const;
export const VENDOR_MODULES = VENDORS.map(([name]) => name);
export type VendorModule = (typeof VENDOR_MODULES)[number];

/** Entries of struct kvm's array of vCPUs, at the most (KVM_MAX_VCPUS of 7.2 is 4096). */
const MOST_VCPUS = 0x10000;

export interface AboutVm {
  readonly vcpus: number;
  /** Null where the kernel keeps no type (before 6.8), or one that is not known. */
  readonly type: VmType | null;
}

/** Throws `DumpError` where struct kvm can't be read, or contradicts itself. */
export function aboutVm({ host }: Kvm, address: bigint): AboutVm {
  const { kvm: at } = resolve(host.types, { kvm: kvmAboutFields });
  const bytes = LazyBytes.of(host.memory, address, at.bytes, 'struct kvm');
  const vcpus = bytes.u32(at.vcpus.offset);
  if (vcpus > MOST_VCPUS) throw bytes.error(at.vcpus.offset, `${vcpus} vCPUs`);
  const type = at.type === null ? null : bytes.u8(at.type.offset);
  return { vcpus, type: type === null ? null : (VM_TYPES[type] ?? null) };
}

/** The vendor's module, loaded or built in; null where it can't be found out. Throws `DumpError` for a damaged list. */
export function vendorModule({ memory, types, symbols }: Host): VendorModule | null {
  const modules = symbols.get('modules');
  for (const [name, symbol] of VENDORS) {
    if (symbols.get(symbol) !== undefined) return name;
    if (modules !== undefined && findModule(memory, types, modules, name) !== null) return name;
  }
  return null;
}

/** What `work` gives; null where it ends in a `DumpError`, whose message is a problem then. */
export function orProblem<T>(problems: string[], what: string, work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    problems.push(`${what}: ${error.message}`);
    return null;
  }
}
