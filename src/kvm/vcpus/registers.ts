// SPDX-License-Identifier: Apache-2.0
// The registers of a vCPU, each with the place that it was read from or the reason why it is not known.
import { DumpError } from '../../core/errors.js';

/** Where a register was read: struct kvm_vcpu_arch and what it points to, or the control block of an AMD processor. */
export type RegisterSource = 'vcpu.arch' | 'vmcb';
export const REGISTER_SOURCES: readonly RegisterSource[] = ['vcpu.arch', 'vmcb'];

/** A segment register with its hidden part. */
export interface Segment {
  /** The selector. */
  readonly selector: number;
  /** The base: a linear address. */
  readonly base: bigint;
  /** In bytes, whatever the granularity. */
  readonly limit: number;
  /** Access rights: type, S, DPL and P in bits 0 to 7, AVL, L, D/B and G in bits 12 to 15; 0 if the segment is unusable. */
  readonly attributes: number;
}

/** The register of a descriptor table. */
export interface DescriptorTable {
  /** The base: a linear address. */
  readonly base: bigint;
  /** In bytes. */
  readonly limit: number;
}

/** A general-purpose register. */
export type GeneralName =
  | ('rax' | 'rbx' | 'rcx' | 'rdx' | 'rsi' | 'rdi' | 'rbp' | 'rsp')
  | ('r8' | 'r9' | 'r10' | 'r11' | 'r12' | 'r13' | 'r14' | 'r15');
/** A register that is a number. */
export type NumberName =
  | GeneralName
  | ('rip' | 'rflags' | 'cr0' | 'cr2' | 'cr3' | 'cr4' | 'cr8' | 'efer')
  | ('dr0' | 'dr1' | 'dr2' | 'dr3' | 'dr6' | 'dr7');
/** A segment register. */
export type SegmentName = 'cs' | 'ss' | 'ds' | 'es' | 'fs' | 'gs' | 'ldtr' | 'tr';
/** A register of a descriptor table. */
export type TableName = 'gdtr' | 'idtr';
/** Any register. */
export type RegisterName = NumberName | SegmentName | TableName;

/** The general-purpose registers in the order of vcpu.arch.regs (asm/kvm_vcpu_regs.h). */
export const GENERAL: readonly GeneralName[] = [
  ...(['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'] as const),
  ...(['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const),
];
export const NUMBERS: readonly NumberName[] = [
  ...GENERAL,
  ...(['rip', 'rflags', 'cr0', 'cr2', 'cr3', 'cr4', 'cr8', 'efer'] as const),
];
export const SEGMENTS: readonly SegmentName[] = ['cs', 'ss', 'ds', 'es', 'fs', 'gs', 'ldtr', 'tr'];
export const TABLES: readonly TableName[] = ['gdtr', 'idtr'];
export const DEBUG: readonly NumberName[] = ['dr0', 'dr1', 'dr2', 'dr3', 'dr6', 'dr7'];
/** All registers, in the order of the output. */
export const REGISTERS: readonly RegisterName[] = [...NUMBERS, ...SEGMENTS, ...TABLES, ...DEBUG];

/** The registers of a vCPU as the guest sees them; null for one that is not known. */
export type Registers = { readonly [Name in NumberName]: bigint | null } & {
  readonly [Name in SegmentName]: Segment | null;
} & { readonly [Name in TableName]: DescriptorTable | null };

/** The registers that lead to the page tables of a vCPU and say of what kind they are; null for one that is not known. */
export type PagingRegisters = Pick<Registers, 'cr0' | 'cr3' | 'cr4' | 'efer'>;

/** Where each register was read; null for one that is not known. */
export type RegisterSources = { readonly [Name in RegisterName]: RegisterSource | null };

/** The value of a register and where it was read. */
export type Found<Name extends RegisterName> = readonly [RegisterSource, NonNullable<Registers[Name]>];

/** Registers while they are collected. */
export class RegisterFile {
  readonly #registers = Object.fromEntries(REGISTERS.map((name) => [name, null])) as {
    -readonly [Name in RegisterName]: Registers[Name];
  };
  readonly #sources = Object.fromEntries(REGISTERS.map((name) => [name, null])) as {
    -readonly [Name in RegisterName]: RegisterSource | null;
  };
  /** Reasons, and the registers that are not known for each. */
  readonly #reasons = new Map<string, RegisterName[]>();
  readonly #notes: string[] = [];
  #isUnreadable = false;

  get registers(): Registers {
    return this.#registers;
  }

  get sources(): RegisterSources {
    return this.#sources;
  }

  /** Whether the dump should have one of them, and it could not be read. */
  get isUnreadable(): boolean {
    return this.#isUnreadable;
  }

  /** Why registers are not known, a sentence for each reason, and what was noted. */
  get problems(): readonly string[] {
    return [...[...this.#reasons].map(([reason, names]) => `${names.join(', ')}: ${reason}`), ...this.#notes];
  }

  /** Finds a register. If `find` throws `DumpError`, that is the reason why the register is not known. */
  find<Name extends RegisterName>(name: Name, find: () => Found<Name>): void {
    try {
      const [source, value] = find();
      this.#registers[name] = value;
      this.#sources[name] = source;
    } catch (error) {
      if (!(error instanceof DumpError)) throw error;
      this.fail([name], error);
    }
  }

  /** The same for a register of a known source. */
  read<Name extends RegisterName>(name: Name, source: RegisterSource, read: () => NonNullable<Registers[Name]>): void {
    this.find(name, () => [source, read()]);
  }

  /** Registers that could not be read. What the types do not describe is not a fault of the dump. */
  fail(names: readonly RegisterName[], error: DumpError): void {
    if (error.code !== 'no-types') this.#isUnreadable = true;
    this.lack(names, error.message);
  }

  /** Registers that are not known, and why. */
  lack(names: readonly RegisterName[], reason: string): void {
    this.#reasons.set(reason, [...(this.#reasons.get(reason) ?? []), ...names]);
  }

  /** What else is to be said of a value. */
  note(problem: string): void {
    this.#notes.push(problem);
  }
}

/** The error for what the types in use do not describe. */
export const undescribed = ({ source }: { readonly source: string }, what: string): DumpError =>
  new DumpError(`type information (${source}) does not describe ${what}`, { code: 'no-types' });
