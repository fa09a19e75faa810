// SPDX-License-Identifier: Apache-2.0
// The members of the structures of vCPUs that this program reads (include/linux/kvm_host.h, arch/x86/include/asm/kvm_host.h).
import { enumeration, fields, optional, required } from '../../types/fields.js';

export const vcpuListFields = fields('kvm', {
  // Since Linux commit c5b077549136 ("KVM: Convert the kvm->vcpus array to a xarray") (in v5.17) an XArray.
  array: optional('vcpus', 8),
  xarray: optional('vcpu_array.xa_head', 8),
});

export const vcpuFields = fields('kvm_vcpu', {
  kvm: required('kvm', 8),
  id: required('vcpu_id', 4),
  cpu: required('cpu', 4),
  // Since Linux commit 8750e72a79dd ("KVM: remember position in kvm->vcpus array") (in v5.5).
  index: optional('vcpu_idx', 4),
  // The thread that ran it last.
  pid: optional('pid', 8),
  mode: optional(['mode', 'guest_mode'], 4),
  guestDebug: optional('guest_debug'),
});

export const archFields = fields('kvm_vcpu', {
  regs: required('arch.regs', 8),
  // Up to 6.18 it is in regs[].
  rip: optional('arch.rip', 8),
  available: required('arch.regs_avail'),
  dirty: optional('arch.regs_dirty'),
  cr0: required('arch.cr0', 8),
  cr2: required('arch.cr2', 8),
  cr3: required('arch.cr3', 8),
  cr4: required('arch.cr4', 8),
  cr8: required('arch.cr8', 8),
  efer: required(['arch.efer', 'arch.shadow_efer'], 8),
  // Bits that the guest changes without an exit.
  cr0Guest: optional('arch.cr0_guest_owned_bits', 8),
  cr4Guest: optional('arch.cr4_guest_owned_bits', 8),
  hflags: required('arch.hflags', 4),
  mpState: required('arch.mp_state', 4),
  apic: optional('arch.apic', 8),
  db: optional('arch.db', 8),
  dr6: optional('arch.dr6', 8),
  dr7: optional('arch.dr7', 8),
  // Set if the registers are hidden from the host (SEV-ES, TDX); since 5.11.
  isProtected: optional('arch.guest_state_protected', 1),
});

/** arch/x86/kvm/lapic.h */
export const lapicFields = fields('kvm_lapic', { regs: required('regs', 8) });

/** arch/x86/kvm/kvm_emulate.h: the members tell which bits of hflags are which. */
export const emulatorFields = fields('x86_emulate_ops', {
  // Since Linux commit 32e69f232db4 ("KVM: x86: Use emulator callbacks instead of duplicating "host flags"") (in v6.4).
  isSmm: optional('is_smm', 8),
});

/**
 * Until Linux commit d67668e9dd76 ("KVM: x86, SVM: isolate vcpu->arch.dr6 from vmcb->save.dr6") (in v5.7) DR6 was in the VMCB
 * alone.
 */
export const vendorOpsFields = fields('kvm_x86_ops', { getDr6: optional('get_dr6', 8) });

/** arch/x86/kvm/svm/svm.h */
export const svmFields = fields('vcpu_svm', {
  vcpu: required('vcpu'),
  vmcb: required('vmcb', 8),
  // While KVM waits for the end of an NMI it sets TF and RF of the guest.
  isStepping: optional('nmi_singlestep', 1),
  flagsBefore: optional('nmi_singlestep_guest_rflags', 8),
});

/**
 * Where struct vcpu_svm has the registers of the guest itself while the vCPU runs a guest of the guest. Layouts that earlier
 * releases of this program wrote lack these members, so they are resolved separately.
 */
export const nestedFields = fields('vcpu_svm', {
  vcpu: required('vcpu'),
  // Since Linux commit 4995a3685f1b ("KVM: SVM: Use a separate vmcb for the nested L2 guest") (in v5.13) the guest's own VMCB.
  vmcb01: optional('vmcb01.ptr', 8),
  // Before, a save area in the form of a VMCB.
  hsave: optional('nested.hsave', 8),
});

/** The bits of regs_avail and regs_dirty. */
export const registerBits = enumeration('kvm_reg');

/** Structures that only the types of module kvm or kvm_amd describe. */
export const OF_MODULES: readonly string[] = [lapicFields, emulatorFields, vendorOpsFields, svmFields].map(
  ({ struct }) => struct,
);
