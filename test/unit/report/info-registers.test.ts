// SPDX-License-Identifier: Apache-2.0
// The text of vCPUs outside 64-bit mode, which no recorded host has. The expected lines are QEMU's: at reset, and of a guest in
// 32-bit protected mode.
import { expect, test } from '@jest/globals';
import { REGISTERS, type Registers, SEGMENTS, type Segment } from '../../../src/kvm/vcpus/registers.js';
import { infoRegisters } from '../../../src/report/info-registers.js';

const segment = (selector: number, base: bigint, limit: number, attributes: number): Segment => ({
  selector,
  base,
  limit,
  attributes,
});

const zeros = Object.fromEntries(REGISTERS.map((name) => [name, 0n])) as unknown as Registers;
const data = Object.fromEntries(SEGMENTS.map((name) => [name, segment(0, 0n, 0xffff, 0x93)])) as Pick<
  Registers,
  Segments
>;
type Segments = 'cs' | 'ss' | 'ds' | 'es' | 'fs' | 'gs' | 'ldtr' | 'tr';
const STATE = { index: 0, interruptShadow: false, smm: false, halted: false };

const RESET = `CPU#0
EAX=00000000 EBX=00000000 ECX=00000000 EDX=00000663
ESI=00000000 EDI=00000000 EBP=00000000 ESP=00000000
EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
ES =0000 00000000 0000ffff 00009300
CS =f000 ffff0000 0000ffff 00009b00
SS =0000 00000000 0000ffff 00009300
DS =0000 00000000 0000ffff 00009300
FS =0000 00000000 0000ffff 00009300
GS =0000 00000000 0000ffff 00009300
LDT=0000 00000000 0000ffff 00008200
TR =0000 00000000 0000ffff 00008b00
GDT=     00000000 0000ffff
IDT=     00000000 0000ffff
CR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000
DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000 
DR6=00000000ffff0ff0 DR7=0000000000000400
EFER=0000000000000000
`;

const REAL: Registers = {
  ...zeros,
  ...data,
  cs: segment(0xf000, 0xffff0000n, 0xffff, 0x9b),
  ldtr: segment(0, 0n, 0xffff, 0x82),
  tr: segment(0, 0n, 0xffff, 0x8b),
  gdtr: { base: 0n, limit: 0xffff },
  idtr: { base: 0n, limit: 0xffff },
  rdx: 0x663n,
  rip: 0xfff0n,
  rflags: 2n,
  cr0: 0x60000010n,
  dr6: 0xffff0ff0n,
  dr7: 0x400n,
};

test('in real mode', () => {
  expect(infoRegisters(REAL, STATE)).toBe(RESET);
});

test('in 32-bit protected mode', () => {
  const flat = (selector: number, attributes: number): Segment => segment(selector, 0n, 0xffffffff, attributes);
  const registers = { ...REAL, cs: flat(8, 0xc09b), ss: flat(0x10, 0xc093), cr0: 0x11n, rflags: 0x8d7n };
  const lines = infoRegisters(registers, { ...STATE, interruptShadow: true, smm: true, halted: true }).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'EIP=0000fff0 EFL=000008d7 [-OSZAPC] CPL=0 II=1 A20=1 SMM=1 HLT=1',
      'CS =0008 00000000 ffffffff 00c09b00 DPL=0 CS32 [-RA]',
      'SS =0010 00000000 ffffffff 00c09300 DPL=0 DS   [-WA]',
      'DS =0000 00000000 0000ffff 00009300 DPL=0 DS16 [-WA]',
      'LDT=0000 00000000 0000ffff 00008200 DPL=0 LDT',
      'TR =0000 00000000 0000ffff 00008b00 DPL=0 TSS32-busy',
    ]),
  );
});

test('in a 32-bit segment of long mode addresses of the system have 64 bits', () => {
  const registers = { ...REAL, cs: segment(0x23, 0n, 0xffffffff, 0xc0fb), cr0: 0x80000011n, efer: 0xd01n };
  const lines = infoRegisters({ ...registers, cr3: 0x1_0000_2000n, rsp: 0xf_ffff_f000n }, STATE).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'ESI=00000000 EDI=00000000 EBP=00000000 ESP=fffff000',
      'CS =0023 00000000 ffffffff 00c0fb00 DPL=3 CS32 [-RA]',
      'IDT=     0000000000000000 0000ffff',
      'CR0=80000011 CR2=0000000000000000 CR3=0000000100002000 CR4=00000000',
    ]),
  );
});
