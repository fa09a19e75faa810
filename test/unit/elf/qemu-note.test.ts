// SPDX-License-Identifier: Apache-2.0
// The note of a processor, at the offsets of QEMU's struct QEMUCPUState (target/i386/arch_dump.c), written out by hand.
import { describe, expect, test } from '@jest/globals';
import { CR3, CR4, QEMU_NOTE, qemuNote } from '../../../src/elf/qemu-note.js';
import type { Registers } from '../../../src/kvm/vcpus/registers.js';
import { noteRegisters } from '../../../src/spaces/guest-image.js';

const NUMBERS = {
  ...{ rax: 8, rbx: 16, rcx: 24, rdx: 32, rsi: 40, rdi: 48, rsp: 56, rbp: 64 },
  ...{ r8: 72, r9: 80, r10: 88, r11: 96, r12: 104, r13: 112, r14: 120, r15: 128 },
  ...{ rip: 136, rflags: 144, cr0: 392, cr2: 408, cr3: 416, cr4: 424 },
} as const;
const SEGMENTS = { cs: 152, ds: 176, es: 200, fs: 224, gs: 248, ss: 272, ldtr: 296, tr: 320 } as const;
const DESCRIPTOR_TABLES = { gdtr: 344, idtr: 368 } as const;

const registers = {
  ...Object.fromEntries(Object.entries(NUMBERS).map(([name, at]) => [name, 0xffff_0000_0000_0000n + BigInt(at)])),
  ...Object.fromEntries(
    Object.entries(SEGMENTS).map(([name, at]) => [
      name,
      { selector: at, base: BigInt(at) << 40n, limit: 0xffffffff, attributes: 0xa09b },
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(DESCRIPTOR_TABLES).map(([name, at]) => [name, { base: BigInt(at) << 40n, limit: 0x7f }]),
  ),
} as unknown as Registers;

const { name, type, desc } = qemuNote(noteRegisters(registers));

test('version, size and name', () => {
  expect([name, type, desc.length, desc.u32(0), desc.u32(4)]).toEqual([QEMU_NOTE, 0, 440, 1, 440]);
  expect([CR3, CR4]).toEqual([416, 424]);
});

test.each(Object.entries(NUMBERS))('%s is at %i', (_, at) => {
  expect(desc.u64(at)).toBe(0xffff_0000_0000_0000n + BigInt(at));
});

test.each(Object.entries(SEGMENTS))(
  '%s is at %i: selector, limit, the second word of its descriptor, base',
  (_, at) => {
    // Code, present, 64-bit, in pages: 0xa09b in VMX's form. The upper word of such a descriptor is 00af9b00, with the limit in it.
    expect([desc.u32(at), desc.u32(at + 4), desc.u32(at + 8), desc.u32(at + 12), desc.u64(at + 16)]).toEqual([
      at,
      0xffffffff,
      0xa09b00,
      0,
      BigInt(at) << 40n,
    ]);
  },
);

test.each(Object.entries(DESCRIPTOR_TABLES))('%s is at %i: limit and base', (_, at) => {
  expect([desc.u32(at), desc.u32(at + 4), desc.u32(at + 8), desc.u64(at + 16)]).toEqual([
    0,
    0x7f,
    0,
    BigInt(at) << 40n,
  ]);
});

describe('what is not known', () => {
  test('is 0', () => {
    const { desc: empty } = qemuNote({ cr3: null, rax: null, cs: null });
    expect(
      Buffer.from(empty.array())
        .subarray(8)
        .every((byte) => byte === 0),
    ).toBe(true);
  });

  test('a segment that is unusable has no rights', () => {
    const unusable = { ...registers, ldtr: { selector: 0, base: 0n, limit: 0, attributes: 0 } };
    expect(noteRegisters(unusable).ldtr).toMatchObject({ selector: 0, base: 0n, limit: 0, flags: 0 });
  });
});
