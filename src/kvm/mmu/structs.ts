// SPDX-License-Identifier: Apache-2.0
// The members of KVM's own page tables that are read (arch/x86/include/asm/kvm_host.h, arch/x86/kvm/mmu/mmu_internal.h).
import { fields, optional, required } from '../../types/fields.js';

/** The MMU that a vCPU uses when it does not run a guest of its own. */
export const vcpuMmuFields = fields('kvm_vcpu', {
  // Since Linux commit 14c07ad89f4d ("x86/kvm/mmu: introduce guest_mmu") (in v4.20); before, `mmu` was the structure itself.
  root: required(['arch.root_mmu', 'arch.mmu']),
});

export const mmuFields = fields('kvm_mmu', {
  // Since Linux commit b9e5603c2a3a ("KVM: x86: use struct kvm_mmu_root_info for mmu->root") (in v5.18) `root.hpa`.
  root: required(['root.hpa', 'root_hpa'], 8),
  // Its role since Linux commit 7a458f0e1ba1 ("KVM: x86/mmu: remove extended bits from mmu_role, rename field") (in v5.19).
  role: required(['root_role', 'mmu_role.base', 'base_role']),
  level: optional('shadow_root_level', 1),
});

/** Roots that no vCPU uses now, from v5.10 on. */
export const tdpRootsFields = fields('kvm', { roots: optional('arch.tdp_mmu_roots') });
export const mmuPageFields = fields('kvm_mmu_page', {
  link: required('link'),
  role: required('role'),
  table: required('spt', 8),
});
