// SPDX-License-Identifier: Apache-2.0
// The VMCB, the control block of a vCPU on an AMD processor. Its layout is the processor's (AMD64 Architecture Programmer's
// Manual, volume 2, appendix B), not the kernel's.
import { DumpError } from '../../core/errors.js';
import { LazyBytes } from '../../core/lazy-bytes.js';
import type { Memory } from '../../core/memory.js';
import type { DescriptorTable, Segment, SegmentName, TableName } from './registers.js';

const SIZE = 4096;
/** Offsets in the control area. */
const CONTROL = { intercepts: 0x00, vIntr: 0x60, intrShadow: 0x68, nestedControl: 0x90 };
/** Offset of the state save area, and of registers in it. */
const SAVE = 0x400;
const IN_SAVE = {
  efer: 0xd0,
  cr4: 0x148,
  cr3: 0x150,
  cr0: 0x158,
  dr6: 0x168,
  rflags: 0x170,
  rip: 0x178,
  rsp: 0x1d8,
  rax: 0x1f8,
};
const CPL = 0xcb;
const SEGMENT_AT: Readonly<Record<SegmentName | TableName, number>> = {
  es: 0x00,
  cs: 0x10,
  ss: 0x20,
  ds: 0x30,
  fs: 0x40,
  gs: 0x50,
  gdtr: 0x60,
  ldtr: 0x70,
  idtr: 0x80,
  tr: 0x90,
};
const WRITES_CR0 = 1 << 16;
const EFER_SVME = 1n << 12n;
/** Bits of a segment's attributes, which the VMCB packs into 12 bits. */
const TYPE = { accessed: 1, busy: 2 };
const PRESENT = 1 << 7;
const DPL = 3 << 5;
const GRANULARITY = 1 << 15;

/** A VMCB in memory. */
export class Vmcb {
  readonly #bytes: LazyBytes;

  /** Throws `DumpError` if there is no VMCB at the address. */
  constructor(
    memory: Memory,
    readonly address: bigint,
  ) {
    if ((address & 0xfffn) !== 0n || address === 0n)
      throw new DumpError(`a VMCB can't be at 0x${address.toString(16)}`);
    this.#bytes = LazyBytes.of(memory, address, SIZE, 'VMCB');
    // VMRUN fails without it.
    if ((this.#save('efer') & EFER_SVME) === 0n)
      throw new DumpError(`there is no VMCB at 0x${address.toString(16)}: bit SVME of its EFER is clear`);
  }

  get rflags(): bigint {
    return this.#save('rflags');
  }

  get rip(): bigint {
    return this.#save('rip');
  }

  get rsp(): bigint {
    return this.#save('rsp');
  }

  get rax(): bigint {
    return this.#save('rax');
  }

  get cr0(): bigint {
    return this.#save('cr0');
  }

  get cr3(): bigint {
    return this.#save('cr3');
  }

  get cr4(): bigint {
    return this.#save('cr4');
  }

  get efer(): bigint {
    return this.#save('efer');
  }

  get dr6(): bigint {
    return this.#save('dr6');
  }

  /** The task priority that the processor has for CR8. */
  get virtualTpr(): bigint {
    return BigInt(this.#bytes.u32(CONTROL.vIntr) & 0xf);
  }

  /** Whether interrupts are held back for one instruction, as after STI. */
  get interruptShadow(): boolean {
    return (this.#bytes.u32(CONTROL.intrShadow) & 1) !== 0;
  }

  /** Whether the guest exits when it writes CR0. */
  get interceptsCr0(): boolean {
    return (this.#bytes.u32(CONTROL.intercepts) & WRITES_CR0) !== 0;
  }

  /** Whether the processor walks nested page tables, so that the guest changes CR3 without an exit. */
  get hasNestedPaging(): boolean {
    return (this.#bytes.u32(CONTROL.nestedControl) & 1) !== 0;
  }

  table(name: TableName): DescriptorTable {
    const at = SAVE + SEGMENT_AT[name];
    return { limit: this.#bytes.u32(at + 4), base: this.#bytes.u64(at + 8) };
  }

  /** A segment as KVM_GET_SREGS gives it (svm_get_segment, arch/x86/kvm/svm/svm.c). */
  segment(name: SegmentName): Segment {
    const at = SAVE + SEGMENT_AT[name];
    const limit = this.#bytes.u32(at + 4);
    return {
      selector: this.#bytes.u16(at),
      base: this.#bytes.u64(at + 8),
      limit,
      attributes: this.#attributes(name, unpacked(this.#bytes.u16(at + 2)), limit),
    };
  }

  #attributes(name: SegmentName, own: number, limit: number): number {
    if ((own & PRESENT) === 0) return 0;
    // The processor does not keep G of each segment: the limit says what it is.
    const attributes = (own & ~GRANULARITY) | (limit > 0xfffff ? GRANULARITY : 0);
    if (name === 'tr') return attributes | TYPE.busy;
    if (name === 'ss') return (attributes & ~DPL) | ((this.#bytes.u8(SAVE + CPL) & 3) << 5);
    return name === 'cs' || name === 'ldtr' ? attributes : attributes | TYPE.accessed;
  }

  #save(name: keyof typeof IN_SAVE): bigint {
    return this.#bytes.u64(SAVE + IN_SAVE[name]);
  }
}

/** The VMCB's 12 bits of attributes with the upper four at bits 12 to 15, where descriptors and the VMCS have them. */
const unpacked = (packed: number): number => (packed & 0xff) | ((packed & 0xf00) << 4);
