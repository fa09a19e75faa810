// SPDX-License-Identifier: Apache-2.0
// Registers on AMD's processors: KVM's copy of most of them is current, and the VMCB has the others.
import { DumpError } from '../../core/errors.js';
import { LazyBytes } from '../../core/lazy-bytes.js';
import { pointerAt } from '../../kernel/containers/pointer.js';
import { resolveIfPresent } from '../../types/fields.js';
import { ifAnswered, type Member } from '../../types/source.js';
import { KVM_AMD } from '../needs.js';
import { type Arch, readCommon, readGeneral } from './arch.js';
import {
  type Found,
  type PagingRegisters,
  type RegisterFile,
  type RegisterName,
  SEGMENTS,
  TABLES,
  undescribed,
} from './registers.js';
import { nestedFields, svmFields, vendorOpsFields } from './structs.js';
import { Vmcb } from './vmcb.js';

/** Registers that only the VMCB has. */
const IN_VMCB: readonly RegisterName[] = ['rflags', ...SEGMENTS, ...TABLES];
/** KVM_GUESTDBG_SINGLESTEP */
const SINGLE_STEP = 2n;
const TRAP_FLAG = 1n << 8n;
const RESUME_FLAG = 1n << 16n;

/** The VMCB of a vCPU, and the bits of its RFLAGS that KVM has set for itself. */
export interface Control {
  readonly vmcb: Vmcb;
  readonly ownFlags: bigint;
}

/** Finds the VMCB. Throws `DumpError` if the types do not describe struct vcpu_svm, or if the VMCB can't be read. */
export function controlOf({ of: { host, types, address, bytes }, guestDebug }: Arch): Control {
  const at = ifAnswered(() => resolveIfPresent(types, svmFields));
  if (at === null) throw undescribed(types, `struct vcpu_svm of module ${KVM_AMD.name}`);
  if (at.vcpu.size !== bytes.length)
    throw undescribed(types, `a struct vcpu_svm with a struct kvm_vcpu of ${bytes.length} bytes`);
  const svm = LazyBytes.of(host.memory, address - BigInt(at.vcpu.offset), at.bytes, 'struct vcpu_svm');
  const vmcb = new Vmcb(host.memory, svm.u64(at.vmcb.offset));
  let ownFlags = (guestDebug & SINGLE_STEP) === 0n ? 0n : TRAP_FLAG;
  if (at.isStepping !== null && at.flagsBefore !== null && svm.u8(at.isStepping.offset) !== 0)
    ownFlags |= (TRAP_FLAG | RESUME_FLAG) & ~svm.u64(at.flagsBefore.offset);
  return { vmcb, ownFlags };
}

/**
 * The control registers of the guest itself if the vCPU was running a guest of the guest: KVM saves them before it does
 * (nested_svm_vmrun, arch/x86/kvm/svm/nested.c). Null if it was not, so that KVM's copy has them. Throws `DumpError` if they
 * are not known.
 */
export function savedPaging({ of: source }: Arch, { vmcb }: Control, isNested: boolean): PagingRegisters | null {
  const { host, types, address } = source;
  const at = ifAnswered(() => resolveIfPresent(types, nestedFields));
  const read = (member: Member | null): bigint | null =>
    at === null || member === null
      ? null
      : pointerAt(host.memory, address + BigInt(member.offset - at.vcpu.offset), 'struct vcpu_svm');
  const own = read(at?.vmcb01 ?? null);
  // KVM changes the VMCB and the flag one after the other, and the control registers after both.
  if (own !== null && (vmcb.address !== own) !== isNested)
    throw new DumpError('it was entering or leaving a guest of the guest: it is not certain whose registers those are');
  if (!isNested) return null;
  const saved = own ?? read(at?.hsave ?? null);
  if (saved === null) throw undescribed(types, 'where KVM saves the registers of a guest that runs a guest');
  const { cr0, cr3, cr4, efer } = new Vmcb(host.memory, saved);
  return { cr0, cr3, cr4, efer };
}

/** Reads all registers. If `control` is an error, those that only the VMCB has are not known. */
export function readAmd(file: RegisterFile, arch: Arch, control: Control | DumpError): void {
  const { at } = arch.of;
  const vmcb = control instanceof DumpError ? null : control.vmcb;
  readGeneral(file, arch, () => true);
  readCommon(file, arch);
  for (const name of ['cr0', 'cr3', 'cr4'] as const) file.read(name, 'vcpu.arch', () => arch.number(at[name]));
  if (vmcb !== null) {
    if (!vmcb.interceptsCr0) compare(file, vmcb, 'cr0');
    if (vmcb.hasNestedPaging && !arch.isCr3Dirty) compare(file, vmcb, 'cr3');
  }
  file.find('dr6', () => dr6(arch, vmcb));
  file.find('cr8', () => cr8(arch, vmcb));
  if (control instanceof DumpError) file.fail(IN_VMCB, control);
  else readVmcb(file, control);
}

function readVmcb(file: RegisterFile, { vmcb, ownFlags }: Control): void {
  file.read('rflags', 'vmcb', () => vmcb.rflags & ~ownFlags);
  for (const name of SEGMENTS) file.read(name, 'vmcb', () => vmcb.segment(name));
  for (const name of TABLES) file.read(name, 'vmcb', () => vmcb.table(name));
}

/**
 * Compares the two copies of a register that the guest changes without an exit. KVM copies it from the VMCB when it handles
 * the exit; it copies rax, rsp and rip at once. If these are equal in both, but the register is not, the exit has not been
 * handled, and the VMCB's copy is taken.
 */
function compare(file: RegisterFile, vmcb: Vmcb, name: 'cr0' | 'cr3'): void {
  const { registers } = file;
  const copy = registers[name];
  if (copy === null || vmcb[name] === copy) return;
  const copies = `vcpu.arch has 0x${copy.toString(16)}, the VMCB 0x${vmcb[name].toString(16)}`;
  if (vmcb.rip === registers.rip && vmcb.rsp === registers.rsp && vmcb.rax === registers.rax) {
    file.read(name, 'vmcb', () => vmcb[name]);
    file.note(`${name}: ${copies}, which is taken: it seems that the last exit had not been handled`);
  } else file.note(`${name}: ${copies}: it is not certain that the first is current`);
}

/** DR6 is in the VMCB of kernels that have an operation to read it there. */
function dr6(arch: Arch, vmcb: Vmcb | null): Found<'dr6'> {
  const { types, at } = arch.of;
  const own = arch.optional('dr6');
  const operations = ifAnswered(() => resolveIfPresent(types, vendorOpsFields));
  const isOwn = operations === null ? at.isProtected !== null || vmcb?.dr6 === own : operations.getDr6 === null;
  if (isOwn) return ['vcpu.arch', own];
  if (operations !== null && vmcb !== null) return ['vmcb', vmcb.dr6];
  throw undescribed(types, 'where DR6 is');
}

/** Without the types of the local APIC, the copy that the processor works with. */
function cr8(arch: Arch, vmcb: Vmcb | null): Found<'cr8'> {
  const own = arch.cr8;
  if (own !== null) return ['vcpu.arch', own];
  if (vmcb !== null) return ['vmcb', vmcb.virtualTpr];
  throw undescribed(arch.of.types, 'struct kvm_lapic, which has the task priority');
}
