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

/** What reading VMs and their memslots requires, including what every host requires. */
export const KVM_NEEDS: KernelNeeds = {
  structs: [...HOST_NEEDS.structs, 'kvm', 'kvm_memory_slot'],
  least: { kvm: 'KVM', ...HOST_NEEDS.least },
  // `modules` if KVM is a module, `kvm_vm_fops` if it is built in.
  symbols: [...HOST_NEEDS.symbols, ['modules', 'kvm_vm_fops']],
  modules: [KVM_MODULE],
  units: ['virt/kvm/kvm_main.c', ...HOST_NEEDS.units],
};
