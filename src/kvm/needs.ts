// SPDX-License-Identifier: Apache-2.0
import { HOST_NEEDS, type KernelNeeds, type NeededModule } from '../kernel/needs.js';

export const KVM_MODULE: NeededModule = {
  name: 'kvm',
  title: 'KVM',
  path: 'kernel/arch/x86/kvm/kvm.ko',
  marker: 'kvm',
  builtIn: 'kvm_vm_fops',
  remedy: 'kvm-module',
};

/** The part of KVM for AMD's processors. */
export const KVM_AMD: NeededModule = {
  name: 'kvm_amd',
  title: "KVM's support for AMD",
  path: 'kernel/arch/x86/kvm/kvm-amd.ko',
  marker: 'vcpu_svm',
  builtIn: 'svm_x86_ops',
  remedy: 'kvm-amd-module',
};

/** What reading VMs and their memslots requires, including what every host requires. */
export const KVM_NEEDS: KernelNeeds = {
  structs: [...HOST_NEEDS.structs, 'kvm', 'kvm_memory_slot'],
  least: { kvm: 'KVM', ...HOST_NEEDS.least },
  // `modules` if KVM is a module, `kvm_vm_fops` if it is built in.
  symbols: [...HOST_NEEDS.symbols, ['modules', 'kvm_vm_fops']],
  modules: [KVM_MODULE],
  sought: [],
  units: ['virt/kvm/kvm_main.c', ...HOST_NEEDS.units],
};

/** What owners of pages require: VMs, if the host has KVM. Types of KVM are only searched for on hosts that have it. */
export const OWNER_NEEDS: KernelNeeds = { ...HOST_NEEDS, sought: [KVM_MODULE], units: KVM_NEEDS.units };

/** The same, and what is in the control blocks of AMD's processors (VMCB). */
export const VCPU_NEEDS: KernelNeeds = {
  ...KVM_NEEDS,
  sought: [KVM_AMD],
  units: [...KVM_NEEDS.units, 'arch/x86/kvm/svm/svm.c', 'arch/x86/kvm/svm.c'],
};
