// SPDX-License-Identifier: Apache-2.0
// What struct kvm_vcpu_arch has of a vCPU's registers.
import type { LazyBytes } from '../../core/lazy-bytes.js';
import { readOf } from '../../core/memory.js';
import { pointerAt } from '../../kernel/containers/pointer.js';
import type { Host } from '../../kernel/host.js';
import { type Resolved, resolveIfPresent, valuesOf } from '../../types/fields.js';
import { ifAnswered, type Member, type TypeSource } from '../../types/source.js';
import { DEBUG, GENERAL, type RegisterFile, type RegisterName, undescribed } from './registers.js';
import { type archFields, lapicFields, registerBits, type vcpuFields } from './structs.js';

/** The vCPU that is read. */
export interface Source {
  readonly host: Host;
  /** Those of the host and of its vendor module. */
  readonly types: TypeSource;
  /** Address of struct kvm_vcpu. */
  readonly address: bigint;
  readonly bytes: LazyBytes;
  readonly at: Resolved<typeof archFields> & Resolved<typeof vcpuFields>;
}

/** A control register with a bit in regs_avail. */
type Control = 'cr0' | 'cr3' | 'cr4';

/** Index of rip in vcpu.arch.regs where it is there, and its bit in regs_avail. */
const RIP = 16;
/** Offset of the task priority in the registers of a local APIC (asm/apicdef.h). */
const APIC_TASKPRI = 0x80;

/** The registers in struct kvm_vcpu_arch. Each method throws `DumpError` if the dump lacks the bytes. */
export class Arch {
  constructor(readonly of: Source) {}

  number({ offset }: Member): bigint {
    return this.of.bytes.u64(offset);
  }

  /** A general-purpose register by its place in `GENERAL`. */
  general(i: number): bigint {
    return this.of.bytes.u64(this.of.at.regs.offset + i * 8);
  }

  get rip(): bigint {
    const { rip, regs } = this.of.at;
    if (rip !== null) return this.number(rip);
    if (regs.count <= RIP) throw undescribed(this.of.types, 'where RIP is');
    return this.general(RIP);
  }

  debug(i: number): bigint {
    const { db } = this.of.at;
    if (db === null) throw undescribed(this.of.types, 'kvm_vcpu.arch.db');
    return this.of.bytes.u64(db.offset + i * 8);
  }

  optional(name: 'dr6' | 'dr7'): bigint {
    const member = this.of.at[name];
    if (member === null) throw undescribed(this.of.types, `kvm_vcpu.arch.${name}`);
    return this.number(member);
  }

  /** Whether the general-purpose register, or rip, is current: on Intel's processors some are read from the VMCS on demand. */
  isAvailable(i: number | 'rip'): boolean {
    return ((this.#mask(this.of.at.available) >> BigInt(i === 'rip' ? RIP : i)) & 1n) !== 0n;
  }

  /** The same for a control register; null if this kernel has no bit for it, or if the types do not say. */
  isControlAvailable(name: Control): boolean | null {
    const bit = this.#bitOf(name);
    return bit === null ? null : ((this.#mask(this.of.at.available) >> BigInt(bit)) & 1n) !== 0n;
  }

  /** Whether KVM has changed CR3 since the last entry. */
  get isCr3Dirty(): boolean {
    const { dirty } = this.of.at;
    const bit = this.#bitOf('cr3');
    return dirty !== null && bit !== null && ((this.#mask(dirty) >> BigInt(bit)) & 1n) !== 0n;
  }

  /** The flags of KVM_SET_GUEST_DEBUG. */
  get guestDebug(): bigint {
    const { guestDebug } = this.of.at;
    return guestDebug === null ? 0n : this.#mask(guestDebug);
  }

  /** Whether the registers are hidden from the host. */
  get isProtected(): boolean {
    const { isProtected } = this.of.at;
    return isProtected !== null && this.of.bytes.u8(isProtected.offset) !== 0;
  }

  /**
   * The task priority, from the local APIC if KVM emulates it; null if the types do not describe that. The member cr8 is only
   * used without it.
   */
  get cr8(): bigint | null {
    const { host, types, at } = this.of;
    const apic = at.apic === null ? 0n : this.number(at.apic);
    if (apic === 0n) return this.number(at.cr8);
    const lapic = ifAnswered(() => resolveIfPresent(types, lapicFields));
    if (lapic === null) return null;
    const regs = pointerAt(host.memory, apic + BigInt(lapic.regs.offset), 'struct kvm_lapic');
    return BigInt(readOf(host.memory, regs + BigInt(APIC_TASKPRI), 4, 'registers of a local APIC').u32(0) >> 4) & 0xfn;
  }

  #bitOf(name: Control): number | null {
    const bits = ifAnswered(() => valuesOf(this.of.host.types, registerBits));
    const upper = name.toUpperCase();
    // Renamed between 6.18 and 7.2.
    return bits?.get(`VCPU_EXREG_${upper}`) ?? bits?.get(`VCPU_REG_${upper}`) ?? null;
  }

  /** A word of bits, or since 7.2 the first word of a bitmap. */
  #mask({ offset, size }: Member): bigint {
    return size === 4 ? BigInt(this.of.bytes.u32(offset)) : this.of.bytes.u64(offset);
  }
}

/** Reads the registers of which KVM's copy is current whatever the processor. */
export function readCommon(file: RegisterFile, arch: Arch): void {
  const { cr2, efer } = arch.of.at;
  file.read('cr2', 'vcpu.arch', () => arch.number(cr2));
  file.read('efer', 'vcpu.arch', () => arch.number(efer));
  for (const [i, name] of DEBUG.slice(0, 4).entries()) file.read(name, 'vcpu.arch', () => arch.debug(i));
  file.read('dr7', 'vcpu.arch', () => arch.optional('dr7'));
}

/** Reads the general-purpose registers; `isKnown` says whether KVM's copy is current. Returns the others. */
export function readGeneral(file: RegisterFile, arch: Arch, isKnown: (i: number | 'rip') => boolean): RegisterName[] {
  const unknown: RegisterName[] = [];
  for (const [i, name] of GENERAL.entries())
    if (isKnown(i)) file.read(name, 'vcpu.arch', () => arch.general(i));
    else unknown.push(name);
  if (isKnown('rip')) file.read('rip', 'vcpu.arch', () => arch.rip);
  else unknown.push('rip');
  return unknown;
}
