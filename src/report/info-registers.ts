// SPDX-License-Identifier: Apache-2.0
// The text of a vCPU, as QEMU's monitor prints it for `info registers`. A value that is not known is printed as dashes.
import type { DescriptorTable, NumberName, Registers, Segment, SegmentName } from '../kvm/vcpus/registers.js';
import { descriptorName } from './descriptor-name.js';

/** What the text says of a vCPU besides its registers; null for what is not known. */
export interface CpuState {
  readonly index: number;
  readonly interruptShadow: boolean | null;
  readonly smm: boolean | null;
  readonly halted: boolean | null;
}

const PE = 1n;
const LMA = 1n << 10n;
const LONG = 0x2000;
const PRESENT = 0x80;

const digits = (value: bigint | number | null, width: number): string =>
  value === null ? '-'.repeat(width) : value.toString(16).padStart(width, '0');
const bit = (value: boolean | null): string => (value === null ? '-' : value ? '1' : '0');

/** How the registers are printed: QEMU prints 32 bits of some of them if the processor is not in 64-bit mode. */
interface Form {
  /** Digits and letter of the general-purpose registers, and of the bases of segments. */
  readonly width: 8 | 16;
  readonly letter: 'R' | 'E';
  /** Digits of the tables' bases and of the control registers with addresses. */
  readonly tables: 8 | 16;
  readonly isLong: boolean;
  /** Whether segments have descriptors; false in real mode. */
  readonly isProtected: boolean;
}

function formOf({ efer, cr0, cs }: Registers): Form {
  const isLong = efer === null || (efer & LMA) !== 0n;
  const is64 = isLong && (cs === null || (cs.attributes & LONG) !== 0);
  return {
    width: is64 ? 16 : 8,
    letter: is64 ? 'R' : 'E',
    tables: isLong ? 16 : 8,
    isLong,
    isProtected: cr0 === null || (cr0 & PE) !== 0n,
  };
}

/** The text of a vCPU, from the line with its number to EFER. */
export function infoRegisters(registers: Registers, state: CpuState): string {
  const form = formOf(registers);
  const lines = [
    `CPU#${state.index}`,
    ...general(registers, form),
    flags(registers, state, form),
    ...SEGMENTS.map(([label, name]) => segment(label, registers[name], form)),
    ...control(registers, form),
    ...debug(registers),
    `EFER=${digits(registers.efer, 16)}`,
  ];
  return `${lines.join('\n')}\n`;
}

const GENERAL: readonly (readonly NumberName[])[] = [
  ['rax', 'rbx', 'rcx', 'rdx'],
  ['rsi', 'rdi', 'rbp', 'rsp'],
];
const EXTENDED: readonly (readonly NumberName[])[] = [
  ['r8', 'r9', 'r10', 'r11'],
  ['r12', 'r13', 'r14', 'r15'],
];
const SEGMENTS: readonly (readonly [string, SegmentName])[] = [
  ['ES ', 'es'],
  ['CS ', 'cs'],
  ['SS ', 'ss'],
  ['DS ', 'ds'],
  ['FS ', 'fs'],
  ['GS ', 'gs'],
  ['LDT', 'ldtr'],
  ['TR ', 'tr'],
];

function general(registers: Registers, { width, letter }: Form): string[] {
  const text = (name: NumberName): string => {
    const label = name
      .toUpperCase()
      .padEnd(3)
      .replace(/^R(?=[A-Z])/, letter);
    return `${label}=${digits(cut(registers[name], width), width)}`;
  };
  return [...GENERAL, ...(width === 16 ? EXTENDED : [])].map((names) => names.map(text).join(' '));
}

const cut = (value: bigint | null, width: number): bigint | null =>
  value === null ? null : BigInt.asUintN(width * 4, value);

/** The letters of RFLAGS, and their bits. */
const FLAGS: readonly (readonly [string, number])[] = [
  ['D', 10],
  ['O', 11],
  ['S', 7],
  ['Z', 6],
  ['A', 4],
  ['P', 2],
  ['C', 0],
];

/** KVM has no A20 gate: bit 20 of an address is never masked. */
function flags({ rip, rflags, ss }: Registers, { interruptShadow, smm, halted }: CpuState, form: Form): string {
  const { letter, width } = form;
  const letters = FLAGS.map(([name, at]) => (rflags !== null && ((rflags >> BigInt(at)) & 1n) !== 0n ? name : '-'));
  const level = ss === null ? '-' : `${(ss.attributes >> 5) & 3}`;
  return (
    `${letter}IP=${digits(cut(rip, width), width)} ${letter}FL=${digits(rflags, 8)} [${letters.join('')}] ` +
    `CPL=${level} II=${bit(interruptShadow)} A20=1 SMM=${bit(smm)} HLT=${bit(halted)}`
  );
}

function segment(label: string, value: Segment | null, { width, isLong, isProtected }: Form): string {
  const { selector = null, base = null, limit = null } = value ?? {};
  const attributes = value === null ? '-'.repeat(8) : `00${digits(value.attributes, 4)}00`;
  const line = `${label}=${digits(selector, 4)} ${digits(cut(base, width), width)} ${digits(limit, 8)} ${attributes}`;
  if (value === null || !isProtected || (value.attributes & PRESENT) === 0) return line;
  return `${line} DPL=${(value.attributes >> 5) & 3} ${descriptorName(value.attributes, isLong)}`;
}

function control({ gdtr, idtr, cr0, cr2, cr3, cr4 }: Registers, { tables }: Form): string[] {
  const table = (label: string, value: DescriptorTable | null): string =>
    `${label}=     ${digits(cut(value?.base ?? null, tables), tables)} ${digits(value?.limit ?? null, 8)}`;
  const wide = (value: bigint | null): string => digits(cut(value, tables), tables);
  return [
    table('GDT', gdtr),
    table('IDT', idtr),
    `CR0=${digits(cr0, 8)} CR2=${wide(cr2)} CR3=${wide(cr3)} CR4=${digits(cr4, 8)}`,
  ];
}

/** QEMU prints a blank at the end of the first line. */
function debug({ dr0, dr1, dr2, dr3, dr6, dr7 }: Registers): string[] {
  const breakpoints = [dr0, dr1, dr2, dr3].map((value, i) => `DR${i}=${digits(value, 16)} `);
  return [breakpoints.join(''), `DR6=${digits(dr6, 16)} DR7=${digits(dr7, 16)}`];
}
