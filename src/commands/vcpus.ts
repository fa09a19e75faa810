// SPDX-License-Identifier: Apache-2.0
import { orProblem, vendorModule } from '../kvm/about.js';
import type { KnownVm } from '../kvm/all-vms.js';
import type { Kvm } from '../kvm/kvm.js';
import { selectVms } from '../kvm/select.js';
import { type ListedVcpu, listVcpus } from '../kvm/vcpus/list.js';
import type { RegisterSources, Registers } from '../kvm/vcpus/registers.js';
import { MP_STATES, type MpState, VCPU_MODES, type VcpuMode } from '../kvm/vcpus/state.js';
import { VcpuReader } from '../kvm/vcpus/vcpu.js';
import { columns, record } from '../report/columns.js';
import { infoRegisters } from '../report/info-registers.js';
import { type RowWriter, recordKind } from '../report/records.js';
import { count, flag, hex, list, nullable, oneOf, text } from '../report/types.js';
import { command } from './command.js';
import { registerColumns, sourceColumns } from './vcpu-registers.js';

/** A vCPU of a VM, as the host left it. */
export interface VcpuRow {
  /** Address of struct kvm. */
  readonly kvm: bigint;
  /** The creator of the VM if it holds it, else the first holder, else the creator; null if unknown. */
  readonly pid: number | null;
  /** The number that its creator gave it: the APIC ID. */
  readonly id: number;
  /** Its index in struct kvm. */
  readonly index: number;
  /** Thread ID of the thread that ran it last; null if none has, or if unknown. */
  readonly thread: number | null;
  /** Where it was in KVM's loop; null if the kernel does not record it, or if the value is unknown. */
  readonly mode: VcpuMode | null;
  /** Its multiprocessing state; null if the value is unknown. */
  readonly mpState: MpState | null;
  /** The processor that it was loaded on last; -1 if there was none; null if unknown. */
  readonly cpu: number | null;
  /** Whether it was in System Management Mode; null if unknown. */
  readonly smm: boolean | null;
  /** Whether it ran a guest of the guest, whose registers are then given; null if unknown. */
  readonly nestedGuest: boolean | null;
  /** Whether interrupts were held back for one instruction, as after STI; null if unknown. */
  readonly interruptShadow: boolean | null;
  /** Its registers. */
  readonly registers: Registers;
  /** Where each of them was read. */
  readonly sources: RegisterSources;
  /** What could not be read, and why; what may be stale. */
  readonly problems: readonly string[];
}

const kind = recordKind<VcpuRow>(
  'vcpu',
  'A vCPU of a VM.',
  columns<VcpuRow>({
    kvm: [hex, 'Address of struct kvm.'],
    pid: [
      nullable(count()),
      'The pid to give with -g: that of the creator if it holds the VM, or else of a holder, or else of the creator.',
    ],
    id: [count(), 'The number that its creator gave it: its APIC ID.'],
    index: [count(), "Its index in struct kvm, which is QEMU's number of the CPU."],
    thread: [nullable(count()), 'Thread ID of the thread that ran it last; null if none has.'],
    mode: [
      nullable(oneOf(...VCPU_MODES)),
      "Where it was in KVM's loop. If 'in-guest' or 'exiting', its registers are those of its last exit and may be stale.",
    ],
    mpState: [nullable(oneOf(...MP_STATES)), 'Its multiprocessing state (KVM_MP_STATE_...).'],
    cpu: [
      nullable(count(-1)),
      'The processor of the host that it was loaded on last; -1 if there was none; null if unknown.',
    ],
    smm: [nullable(flag), 'Whether it was in System Management Mode.'],
    nestedGuest: [nullable(flag), 'Whether it ran a guest of the guest; the registers are then those of that guest.'],
    interruptShadow: [
      nullable(flag),
      'Whether interrupts were held back for one instruction, as after STI; null where only the processor knows it.',
    ],
    registers: [record(registerColumns), 'Its registers as the guest sees them; null for those that are not known.'],
    sources: [record(sourceColumns), 'Where each register was read; null for those that are not known.'],
    problems: [list(text), 'What could not be read, and why; what may be stale.'],
  }),
);

/** Lists the vCPUs of VMs and their registers. */
export const vcpus = command({
  name: 'vcpus',
  summary: 'list the vCPUs of VMs and their registers',
  description:
    "Lists the vCPUs of all VMs, or of the VMs that -g selects: the thread, the state and the registers of each. The text is that of 'info registers' in QEMU's monitor, followed by a line with the rest.",
  needs: 'vcpus',
  args: null,
  options: {},
  records: [kind],
  csv: false,
  notes: [
    "Registers come from KVM's struct kvm_vcpu_arch (vcpu.arch) and, on AMD, from the control block of the processor (VMCB), which is found with the types of module kvm_amd. On Intel, KVM has only the registers that it has asked for since the last exit; the others are in the VMCS, whose format only the processor knows. They are printed as dashes, and null in JSON. The registers of an SEV-ES, SEV-SNP or TDX guest are hidden from the host.",
    "A vCPU that was in guest mode when the host crashed has the registers of its last exit. They may be stale, and 'problems' says so.",
  ],
  examples: [
    { line: 'vcpus -c vmcore -g 191579' },
    { line: 'vcpus -c vmcore --json > vcpus.json', note: 'the vCPUs of all VMs, one JSON object per vCPU' },
  ],
  exit: {
    0: 'all vCPUs are listed, with the registers that the dump has',
    1: 'vCPUs may be missing, or one of them, some of its registers or its state could not be read or is impossible',
    2: 'the vCPUs could not be listed',
  },

  *run({ host, process, vm, log }) {
    const selected = selectVms(host, process, vm);
    const problems = [...selected.problems];
    const reader = new VcpuReader(
      host,
      orProblem(problems, 'module', () => vendorModule(host)),
    );
    const { lacking } = reader;
    if (lacking !== null)
      log.warn(`not all registers are known: ${lacking.message}`, { remedies: ['kvm-amd-module', 'layout'] });
    let whole = true;
    for (const known of selected.vms)
      for (const { row, isWhole } of rowsOf(selected.kvm, reader, known, problems)) {
        whole &&= isWhole;
        yield row;
      }
    for (const problem of problems) log.warn(problem);
    return whole && problems.length === 0 ? 0 : 1;
  },

  text: () => blocks(),
});

/** The vCPUs of a VM. `problems` counts and names those that can't be read. */
function* rowsOf(
  kvm: Kvm,
  reader: VcpuReader,
  known: KnownVm,
  problems: string[],
): Generator<{ row: VcpuRow; isWhole: boolean }> {
  const { address, pid } = known;
  if (pid === null) problems.push(...known.problems);
  const what = `VM at 0x${address.toString(16)}`;
  const listed = orProblem(problems, what, () => listVcpus(kvm, address));
  if (listed === null) return;
  problems.push(...listed.problems.map((problem) => `${what}: ${problem}`));
  const unreadable: string[] = [];
  for (const each of listed.vcpus) {
    const read = orProblem(unreadable, nameOf(each), () => reader.read(address, each));
    if (read !== null) yield { row: { kvm: address, pid, ...read.vcpu }, isWhole: read.isWhole };
  }
  if (unreadable.length > 0)
    problems.push(
      `${what}: ${unreadable.length} of ${listed.vcpus.length} vCPUs can't be read: ${unreadable.join('; ')}`,
    );
}

const nameOf = ({ index, address }: ListedVcpu): string => `vCPU ${index} at 0x${address.toString(16)}`;

/** Writes each vCPU under a line with its VM. */
function blocks(): RowWriter<VcpuRow> {
  let last: bigint | null = null;
  return {
    showsProblems: true,
    row(row) {
      const vm =
        row.kvm === last ? '' : `${last === null ? '' : '\n'}VM ${row.kvm.toString(16)} PID=${row.pid ?? '-'}\n`;
      last = row.kvm;
      return `${vm}\n${block(row)}`;
    },
  };
}

function block(row: VcpuRow): string {
  const { id, thread, mode, mpState, cpu, nestedGuest, problems } = row;
  const halted = mpState === null ? null : mpState === 'halted';
  const nested = nestedGuest === null ? '-' : Number(nestedGuest);
  const rest = `ID=${id} THREAD=${thread ?? '-'} MODE=${mode ?? '-'} MP=${mpState ?? '-'} HOSTCPU=${cpu ?? '-'} NESTED=${nested}\n`;
  return infoRegisters(row.registers, { ...row, halted }) + rest + problems.map((problem) => `${problem}\n`).join('');
}
