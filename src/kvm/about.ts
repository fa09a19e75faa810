// SPDX-License-Identifier: Apache-2.0
// Properties of a VM: number of vCPUs, vendor module, type.
import { DumpError } from '../core/errors.js';
import { LazyBytes } from '../core/lazy-bytes.js';
import type { Host } from '../kernel/host.js';
import { findModule } from '../kernel/modules.js';
import { resolve } from '../types/fields.js';
import { type Kvm, readKvm } from './kvm.js';
import { kvmAboutFields } from './structs.js';

/** Type of a VM: how its memory and its registers are protected from the host. */
export type VmType = 'default' | 'sw-protected' | 'sev' | 'sev-es' | 'sev-snp' | 'tdx';
/** Types of VMs in the order of the values KVM_X86_*_VM (arch/x86/include/uapi/asm/kvm.h). */
export const VM_TYPES: readonly VmType[] = ['default', 'sw-protected', 'sev', 'sev-es', 'sev-snp', 'tdx'];

/** KVM's module for the processors of a vendor. */
export type VendorModule = 'kvm_amd' | 'kvm_intel';
/** These modules, and a symbol that the kernel has if the module is built in. */
const VENDORS: readonly (readonly [VendorModule, string])[] = [
  ['kvm_amd', 'svm_x86_ops'],
  ['kvm_intel', 'vmx_x86_ops'],
];
export const VENDOR_MODULES = VENDORS.map(([name]) => name);

/** The largest KVM_MAX_VCPUS that a kernel can be built with (CONFIG_KVM_MAX_NR_VCPUS, arch/x86/kvm/Kconfig of 7.2). */
const MOST_VCPUS = 4096;

/** Reads the number of vCPUs of a VM. Throws `DumpError` if it can't be read or is impossible. */
export function vcpusOf(kvm: Kvm, address: bigint): number {
  const { kvm: at } = resolve(kvm.host.types, { kvm: kvmAboutFields });
  const bytes = readKvm(kvm, address);
  // The numbers are next to vm_list, whose pointers are never 0.
  if (bytes.u64(kvm.at.vmList.offset) === 0n) throw bytes.error(at.vcpus.offset, 'a page of zeros');
  const vcpus = bytes.u32(at.vcpus.offset);
  // Each vCPU is counted in created_vcpus before it is counted in online_vcpus (kvm_vm_ioctl_create_vcpu).
  const created = at.created === null ? vcpus : bytes.u32(at.created.offset);
  if (vcpus > MOST_VCPUS) throw bytes.error(at.vcpus.offset, `a VM can't have ${vcpus} vCPUs`);
  if (created < vcpus)
    throw bytes.error(at.vcpus.offset, `a VM can't have ${vcpus} vCPUs if only ${created} were created`);
  return vcpus;
}

/**
 * Reads the type of a VM; null if the kernel does not record one (before 6.8). Throws `DumpError` if it can't be read or is
 * unknown.
 */
export function typeOf({ host }: Kvm, address: bigint): VmType | null {
  const { kvm: at } = resolve(host.types, { kvm: kvmAboutFields });
  if (at.type === null) return null;
  const bytes = LazyBytes.of(host.memory, address, at.bytes, 'struct kvm');
  const value = bytes.u8(at.type.offset);
  const type = VM_TYPES[value];
  if (type === undefined) throw bytes.error(at.type.offset, `the type ${value} of a VM is not known`);
  return type;
}

/**
 * The vendor's module, loaded or built in. The list of modules is read first: a built-in module is found only in the
 * symbols, of which the dump may lack pages. Throws `DumpError` if neither has it.
 */
export function vendorModule(host: Host): VendorModule {
  const loaded = orError(() => loadedVendor(host));
  if (typeof loaded === 'string') return loaded;
  const builtIn = VENDORS.find(([, symbol]) => host.symbols.get(symbol) !== undefined);
  if (builtIn !== undefined) return builtIn[0];
  if (loaded !== null) throw loaded;
  throw new DumpError(
    `no symbol table has ${VENDORS.map(([, symbol]) => symbol).join(' or ')}, and no module is loaded`,
    {
      code: 'no-symbols',
    },
  );
}

function loadedVendor({ memory, types, symbols }: Host): VendorModule | null {
  const modules = symbols.get('modules');
  if (modules === undefined) return null;
  return VENDORS.find(([name]) => findModule(memory, types, modules, name) !== null)?.[0] ?? null;
}

/** Returns what `work` returns, or the `DumpError` that it throws. */
function orError<T>(work: () => T): T | DumpError {
  try {
    return work();
  } catch (error) {
    if (error instanceof DumpError) return error;
    throw error;
  }
}

/**
 * Returns what `work` returns. If it throws a `DumpError`, adds the message to `problems` and returns null. `what`: put
 * before the message; null if that says what could not be read.
 */
export function orProblem<T>(problems: string[], what: string | null, work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DumpError)) throw error;
    problems.push(what === null ? error.message : `${what}: ${error.message}`);
    return null;
  }
}
