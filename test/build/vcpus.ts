// SPDX-License-Identifier: Apache-2.0
// vCPUs on synthetic hosts, in every form that kernels have had.

import { perform } from '../../src/commands/perform.js';
import { vcpus } from '../../src/commands/vcpus.js';
import type { Log } from '../../src/core/log.js';
import { silentLog } from '../../src/core/log.js';
import type { DumpImage } from '../../src/dump/image.js';
import type { VcpuRow } from '../../src/index.js';
import type { Host } from '../../src/kernel/host.js';
import { kept } from './altered.js';
import { type HostOptions, SyntheticHost } from './host.js';
import { KVM_TYPES, SMALL_KERNEL } from './small-kernel.js';

/** How a kernel has vCPUs: the place of the list, of rip, and the width of regs_avail. */
export type Era = 'array' | 'xarray' | 'bitmap';

const ATOMIC = 'atomic_t {\n  int counter\n}\n';
const UPID = 'upid {\n  int nr\n  ptr ns\n}\n';
const LAPIC = 'kvm_lapic {\n  pad 24\n  ptr regs\n}\n';
const EMULATOR = { old: 'x86_emulate_ops {\n  ptr get_hflags\n}\n', new: 'x86_emulate_ops {\n  ptr is_smm\n}\n' };
const REGISTER_BITS =
  'enum kvm_reg { VCPU_REGS_RSP=4, VCPU_REGS_RIP=16, VCPU_EXREG_CR0=18, VCPU_EXREG_CR3=19, VCPU_EXREG_CR4=20 }\n';

const archText = (era: Era): string => `kvm_vcpu_arch {
  u64 regs[${era === 'bitmap' ? 16 : 17}]
  ${era === 'bitmap' ? 'u64 rip\n  u64 regs_avail[1]\n  u64 regs_dirty[1]' : 'u32 regs_avail\n  u32 regs_dirty'}
  u64 cr0
  u64 cr0_guest_owned_bits
  u64 cr2
  u64 cr3
  u64 cr4
  u64 cr4_guest_owned_bits
  u64 cr8
  u32 hflags
  u64 efer
  ptr apic
  u32 mp_state
  u64 db[4]
  u64 dr6
  u64 dr7
  pad 4096
  u8 guest_state_protected
}
kvm_vcpu {
  ptr kvm
  int vcpu_id
  int vcpu_idx
  int cpu
  int mode
  u32 guest_debug
  ptr pid
  struct kvm_vcpu_arch arch
}
`;

/** The members of struct vcpu_svm for guests of a guest: since v5.13, and before; none of them in layouts of earlier releases. */
const NESTED = {
  vmcb01: 'kvm_vmcb_info {\n  ptr ptr\n}\n',
  hsave: 'svm_nested_state {\n  ptr hsave\n}\n',
} as const;
const NESTED_MEMBER = {
  vmcb01: '  struct kvm_vmcb_info vmcb01\n',
  hsave: '  struct svm_nested_state nested\n',
} as const;

/** The structures in the BTF of module kvm_amd. */
export const amdTypes = (
  era: Era,
  nested?: keyof typeof NESTED,
): string => `${archText(era)}${nested === undefined ? '' : NESTED[nested]}vcpu_svm {
  struct kvm_vcpu vcpu
  ptr vmcb
  u8 nmi_singlestep
  u64 nmi_singlestep_guest_rflags
${nested === undefined ? '' : NESTED_MEMBER[nested]}}
kvm_x86_ops {
  ptr set_dr7
}
`;

/** The structures of the kernel. */
export function kernelTypes(era: Era, flags: 'old' | 'new' = era === 'array' ? 'old' : 'new'): string {
  const list = era === 'array' ? 'ptr vcpus[12]' : 'struct xarray vcpu_array';
  const kvm = KVM_TYPES.replace('  ptr mm\n', `  ptr mm\n  ${list}\n  struct atomic_t online_vcpus\n`);
  const pid = SMALL_KERNEL.replace(
    '  struct hlist_head tasks[4]\n',
    '  struct hlist_head tasks[4]\n  struct upid numbers[1]\n',
  );
  return ATOMIC + UPID + pid + kvm + LAPIC + EMULATOR[flags] + REGISTER_BITS + archText(era);
}

export interface VcpuWish {
  /** Default: the index. */
  readonly id?: number;
  readonly thread?: number;
  readonly values?: Readonly<Record<string, bigint | number>>;
  /** Members of struct vcpu_svm; without `vmcb` there is none. `saved`: what is at vmcb01.ptr or nested.hsave. */
  readonly svm?: Readonly<Record<string, bigint | number>>;
}

/** A host with one VM, whose vCPUs are made one by one. */
export class VcpuHost extends SyntheticHost {
  readonly kvm: bigint;

  constructor(
    readonly era: Era,
    options: HostOptions = {},
  ) {
    super({ types: kernelTypes(era), ...options });
    this.kvm = this.vmm(191, [{ id: 0, gpa: 0n, pages: 1n, hva: 0x7f0000000000n }]).vm;
  }

  /** Makes a vCPU at an index. Returns the address of its struct kvm_vcpu. */
  vcpu(index: number, { id = index, thread, values = {}, svm }: VcpuWish = {}): bigint {
    // No other structure is on its last page.
    const address = this.allocate(this.layouts.size('kvm_vcpu') + 64 + 4096);
    const pid = thread === undefined ? 0n : this.make('pid', { 'numbers[0].nr': thread });
    const own = { kvm: this.kvm, vcpu_id: id, vcpu_idx: index, cpu: -1, pid };
    this.set('kvm_vcpu', address, { ...own, 'arch.regs_avail': 0xffffffffn, ...values });
    // struct vcpu_svm begins with struct kvm_vcpu.
    const at = BigInt(this.layouts.size('kvm_vcpu'));
    for (const [name, value] of Object.entries(svm ?? {}))
      this.u64(
        address + at + { vmcb: 0n, nmi_singlestep: 8n, nmi_singlestep_guest_rflags: 16n, saved: 24n }[name as 'vmcb'],
        BigInt(value),
      );
    this.place(index, address);
    return address;
  }

  /** Enters an address into the list at an index, and counts it. */
  place(index: number, address: bigint): void {
    if (this.era === 'array') this.set('kvm', this.kvm, { [`vcpus[${index}]`]: address });
    else this.xarraySet(this.kvm + this.offset('kvm', 'vcpu_array.xa_head'), BigInt(index), address);
    const at = this.kvm + this.offset('kvm', 'online_vcpus.counter');
    this.set('kvm', this.kvm, { 'online_vcpus.counter': (this.pointer(at & ~7n) >> ((at & 7n) * 8n)) + 1n });
  }

  /** Makes a VMCB. `save` and `control` are words at offsets in the two areas; EFER has SVME unless another is given. */
  vmcb(save: Readonly<Record<number, bigint>>, control: Readonly<Record<number, bigint>> = {}): bigint {
    const address = this.allocate(4096, 4096n);
    for (const [offset, value] of Object.entries(control)) this.u64(address + BigInt(offset), value);
    for (const [offset, value] of Object.entries({ 208: 0x1d01n, ...save }))
      this.u64(address + 0x400n + BigInt(offset), value);
    return address;
  }

  /** What the command `vcpus` prints in JSON, with its exit status and its warnings. `open` opens the host. */
  async ask(
    open: (image: DumpImage, log: Log) => Host | Promise<Host> = (image, log) => this.openImage(image, log),
  ): Promise<{ rows: JsonRow[]; code: number; warnings: string[]; text: string }> {
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (text: string) => warnings.push(text) };
    const image = this.image();
    const host = await open(image, log);
    const run = async (form: 'json' | 'text') => {
      const streams = { ...kept(), log };
      const values = { process: null, vm: null };
      const code = await perform({ command: vcpus, values, words: [], inner: [] }, { image, host }, form, streams);
      return { code, out: streams.out.join('') };
    };
    const { code, out } = await run('json');
    const said = [...warnings];
    const rows = out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as JsonRow);
    return { rows, code, warnings: said, text: (await run('text')).out };
  }
}

/** A row in JSON, where addresses are texts. */
export type JsonRow = Omit<VcpuRow, 'registers' | 'kvm'> & {
  readonly kvm: string;
  readonly registers: Readonly<Record<string, string | null | Readonly<Record<string, string>>>>;
};
