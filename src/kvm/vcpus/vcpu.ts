// SPDX-License-Identifier: Apache-2.0
// A vCPU: what struct kvm_vcpu says of it, and its registers.
import { DumpError } from '../../core/errors.js';
import { LazyBytes } from '../../core/lazy-bytes.js';
import type { Host } from '../../kernel/host.js';
import { pidNumber } from '../../kernel/pid-number.js';
import { type Resolved, resolve } from '../../types/fields.js';
import { describes, type TypeSource } from '../../types/source.js';
import { orProblem, type VendorModule } from '../about.js';
import { KVM_AMD } from '../needs.js';
import { type Control, controlOf, readAmd, savedPaging } from './amd.js';
import { Arch } from './arch.js';
import { readIntel } from './intel.js';
import type { ListedVcpu } from './list.js';
import {
  type PagingRegisters,
  REGISTERS,
  RegisterFile,
  type RegisterSources,
  type Registers,
  undescribed,
} from './registers.js';
import { type MpState, type VcpuMode, VcpuState } from './state.js';
import { archFields, emulatorFields, vcpuFields } from './structs.js';

/** A vCPU as the host left it; null for what is not known. */
export interface Vcpu {
  /** The number that its creator gave it (vcpu_id): the APIC ID. */
  readonly id: number;
  readonly index: number;
  /** The thread that ran it last; null also if none has. */
  readonly thread: number | null;
  readonly mode: VcpuMode | null;
  readonly mpState: MpState | null;
  /** The processor that it was loaded on last; -1 if there was none; null if the value is impossible. */
  readonly cpu: number | null;
  readonly smm: boolean | null;
  readonly nestedGuest: boolean | null;
  readonly interruptShadow: boolean | null;
  readonly registers: Registers;
  readonly sources: RegisterSources;
  readonly problems: readonly string[];
}

/** A vCPU, and whether all could be read that the dump should have. */
export interface ReadVcpu {
  readonly vcpu: Vcpu;
  readonly isWhole: boolean;
  /**
   * The control registers of the guest itself if the vCPU was running a guest of the guest; null if those of `vcpu` are the
   * guest's own. Throws `DumpError` if they are not known.
   */
  readonly saved: () => PagingRegisters | null;
}

/** Why registers are not known. */
const IN_VMCS = 'only the VMCS has the current values, in a format that only the processor knows';
const IN_PROCESSOR = "only the processor's control block has the current values, and its module is not known";
const STALE: readonly (VcpuMode | null)[] = ['in-guest', 'exiting'];
const HIDDEN = 'hidden from the host (guest_state_protected): encrypted memory of the VM or the TDX module has them';

/** Reads the vCPUs of a host. */
export class VcpuReader {
  readonly #host: Host;
  readonly #vendor: VendorModule | null;
  readonly #types: TypeSource;
  readonly #at: Resolved<typeof archFields> & Resolved<typeof vcpuFields>;

  /** `vendor`: the host's vendor module; null if it is not known. Throws `DumpError` if the types lack struct kvm_vcpu. */
  constructor(host: Host, vendor: VendorModule | null) {
    this.#host = host;
    this.#vendor = vendor;
    this.#types = vendor === 'kvm_amd' ? host.typesOf(KVM_AMD) : host.types;
    const { vcpu, arch } = resolve(host.types, { vcpu: vcpuFields, arch: archFields });
    this.#at = { ...arch, ...vcpu };
  }

  /** Reads a vCPU of the VM whose struct kvm is at `kvm`. Throws `DumpError` if it is not one, or can't be read. */
  read(kvm: bigint, { index, address }: ListedVcpu): ReadVcpu {
    const host = this.#host;
    const bytes = LazyBytes.of(host.memory, address, this.#at.bytes, 'struct kvm_vcpu');
    this.#check(bytes, kvm, index);
    const arch = new Arch({ host, types: this.#types, address, bytes, at: this.#at });
    const problems: string[] = [];
    const state = new VcpuState(arch, problems);
    const pid = state.pid;
    const thread = pid === null ? null : orProblem(problems, 'thread', () => pidNumber(host, pid));
    const { mode } = state;
    const file = new RegisterFile();
    const control = this.#readRegisters(file, arch);
    if (STALE.includes(mode))
      problems.push(
        `mode: '${mode ?? ''}' when the host crashed: the registers are those of its last exit, and may be stale`,
      );
    const vcpu = {
      id: state.id,
      index,
      thread,
      mode,
      mpState: state.mpState,
      cpu: state.cpu,
      smm: state.smm,
      nestedGuest: state.nestedGuest,
      interruptShadow: control instanceof DumpError ? null : (control?.vmcb.interruptShadow ?? null),
      registers: file.registers,
      sources: file.sources,
      problems: [...problems, ...file.problems],
    };
    const isWhole = !state.isDamaged && !file.isUnreadable && (thread !== null || pid === null);
    return { vcpu, isWhole, saved: () => savedOf(arch, control, vcpu.nestedGuest) };
  }

  /** The error if the types lack what leads to the VMCBs of this host; null if they do not. */
  get lacking(): DumpError | null {
    if (this.#vendor !== 'kvm_amd' || describes(this.#types, KVM_AMD.marker)) return null;
    return undescribed(this.#types, `struct ${KVM_AMD.marker} of module ${KVM_AMD.name}`);
  }

  /** The structure names its VM and its index. */
  #check(bytes: LazyBytes, kvm: bigint, index: number): void {
    const { kvm: owner, index: own } = this.#at;
    const of = bytes.u64(owner.offset);
    if (of !== kvm) throw bytes.error(owner.offset, `it is of the VM at 0x${of.toString(16)}`);
    const place = own === null ? index : bytes.u32(own.offset);
    if (own !== null && place !== index) throw bytes.error(own.offset, `it is the vCPU with index ${place}`);
  }

  /** Reads the registers; returns the VMCB, or why it is not known; null on a processor that is not AMD's, and if it is hidden. */
  #readRegisters(file: RegisterFile, arch: Arch): Control | DumpError | null {
    const isProtected = orError(() => arch.isProtected);
    if (isProtected instanceof DumpError) file.fail(REGISTERS, isProtected);
    else if (isProtected) file.lack(REGISTERS, HIDDEN);
    else if (this.#vendor !== 'kvm_amd') readIntel(file, arch, this.#vendor === null ? IN_PROCESSOR : IN_VMCS);
    else {
      const control = orError(() => controlOf(arch));
      readAmd(file, arch, control);
      return control;
    }
    return null;
  }
}

function savedOf(arch: Arch, control: Control | DumpError | null, isNested: boolean | null): PagingRegisters | null {
  if (isNested === null)
    throw undescribed(arch.of.types, `struct ${emulatorFields.struct}: it may have been running a guest of the guest`);
  if (control !== null && !(control instanceof DumpError)) return savedPaging(arch, control, isNested);
  if (!isNested) return null;
  throw (
    control ?? new DumpError('it was running a guest of the guest, whose registers those are', { code: 'not-in-dump' })
  );
}

function orError<T>(work: () => T): T | DumpError {
  try {
    return work();
  } catch (error) {
    if (error instanceof DumpError) return error;
    throw error;
  }
}
