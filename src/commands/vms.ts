// SPDX-License-Identifier: Apache-2.0
import { printable } from '../core/text.js';
import {
  orProblem,
  typeOf,
  VENDOR_MODULES,
  type VendorModule,
  VM_TYPES,
  type VmType,
  vcpusOf,
  vendorModule,
} from '../kvm/about.js';
import type { KnownVm, VmHolder } from '../kvm/all-vms.js';
import type { Creator } from '../kvm/creator.js';
import type { Kvm } from '../kvm/kvm.js';
import { argumentsOfVm } from '../kvm/names.js';
import { selectVms } from '../kvm/select.js';
import { type SpaceSize, slotSizes } from '../kvm/sizes.js';
import { columns, record } from '../report/columns.js';
import { recordKind } from '../report/records.js';
import { size, table } from '../report/table.js';
import { count, flag, hex, list, nullable, oneOf, text } from '../report/types.js';
import { command } from './command.js';

/** A VM of the host. Names and arguments are not escaped: escape them before they are shown on a terminal. */
export interface VmRow {
  /** Address of struct kvm. */
  readonly kvm: bigint;
  /** Pid of a holder, or else of the creator; null if neither is known. */
  readonly pid: number | null;
  /** The process that created the VM; null if it is not known. */
  readonly creator: Creator | null;
  /** Every process that has the file of the VM open. */
  readonly holders: readonly VmHolder[];
  /** The guest's name, from QEMU's option -name; null if there is none, or it is not in the dump. */
  readonly name: string | null;
  /** The guest's UUID, from QEMU's option -uuid; null if there is none, or it is not in the dump. */
  readonly uuid: string | null;
  /** The command line of the VM's process; null if it can't be read. */
  readonly arguments: readonly string[] | null;
  /** Address of the mm_struct that maps the VM's memory; null if it can't be read. */
  readonly mm: bigint | null;
  /** Bytes in the slots of address space 0, except those that KVM made for itself; null if slots may be missing. */
  readonly memory: number | null;
  /** The address spaces that have slots; null if it is not known which. */
  readonly spaces: readonly SpaceSize[] | null;
  /** Number of vCPUs; null if it can't be read. */
  readonly vcpus: number | null;
  /** The KVM module of the processor vendor; null if it is not known. */
  readonly module: VendorModule | null;
  /** Type of the VM; null if the kernel does not record it (before 6.8). */
  readonly type: VmType | null;
  /** What could not be read, and why. */
  readonly problems: readonly string[];
}

const creator = columns<Creator>({
  pid: [count(), 'Its pid.'],
  comm: [nullable(text), 'Its name; null if the process no longer exists.'],
  alive: [flag, 'False for a zombie and for a process that no longer exists.'],
});

const holder = columns<VmHolder>({
  pid: [count(), 'Its pid.'],
  comm: [text, 'Its name.'],
  fd: [nullable(count()), 'Its file descriptor; null if descriptors cannot be read.'],
});

const space = columns<SpaceSize>({
  addressSpace: [count(), 'Its number: 0, or 1 for SMM.'],
  slots: [
    nullable(count()),
    'Number of memslots, including those that KVM made for itself; null if slots may be missing.',
  ],
  bytes: [nullable(count()), 'Their total size in bytes; null if slots may be missing.'],
});

const kind = recordKind<VmRow>(
  'vm',
  'A VM of the host.',
  columns<VmRow>({
    kvm: [hex, 'Address of struct kvm.'],
    pid: [
      nullable(count()),
      'The pid to give with -g: that of the creator if it holds the VM, or else of a holder, or else of the creator.',
    ],
    creator: [nullable(record(creator)), 'The process that created the VM.'],
    holders: [list(record(holder)), 'Every process that has the file of the VM open.'],
    name: [nullable(text), "The guest's name, from QEMU's option -name."],
    uuid: [nullable(text), "The guest's UUID, from QEMU's option -uuid."],
    arguments: [nullable(list(text)), 'The command line of the process with this pid.'],
    mm: [nullable(hex), "Address of the mm_struct that maps the VM's memory; null if it cannot be read."],
    memory: [
      nullable(count()),
      'Bytes in the slots of address space 0, except those that KVM made for itself; null if slots may be missing.',
    ],
    spaces: [nullable(list(record(space))), 'The address spaces that have slots; null if it is not known which.'],
    vcpus: [nullable(count()), 'Number of vCPUs.'],
    module: [nullable(oneOf(...VENDOR_MODULES)), 'The KVM module of the processor vendor.'],
    type: [nullable(oneOf(...VM_TYPES)), 'Type of the VM; null if the kernel does not record it (before 6.8).'],
    problems: [list(text), 'What could not be read, and why.'],
  }),
);

/** Lists the VMs of a host. */
export const vms = command({
  name: 'vms',
  summary: 'list the VMs of the host',
  description:
    'Lists every VM of the host: the process that created it, the processes that hold it, its name, UUID, memory and vCPUs.',
  needs: 'vms',
  args: null,
  options: {},
  records: [kind],
  csv: true,
  notes: [
    "A VM is listed if it is in the kernel's vm_list or if a process has its file open. The name and the UUID come from QEMU's command line. That is in the memory of the process, which many dumps leave out; NAME and UUID are then ?.",
    'PID is the pid to give with -g. PROCESS and FD are the name of that process and its file descriptor of the VM; --json has all processes that hold it. MEMORY is the size of address space 0, without the slots that KVM made for itself. SLOTS is the number of memslots in each address space that has some: 203+1 is 203 in one and 1 in the other, ? a number that is not known. KVM is the address of struct kvm. A value that does not exist, or is not known, is -.',
  ],
  examples: [
    { line: 'vms -c vmcore' },
    { line: 'vms -c vmcore -g 150 --json', note: 'the VMs of one process, one JSON object per VM' },
  ],
  exit: {
    0: 'all VMs are listed',
    1: 'VMs or holders may be missing, or the memslots, vCPUs or type of a VM could not be read',
    2: 'the VMs could not be listed',
  },

  *run({ host, process, vm, log }) {
    const selected = selectVms(host, process, vm);
    for (const problem of selected.problems) log.warn(problem);
    const common: string[] = [];
    const module = orProblem(common, 'module', () => vendorModule(host));
    let whole = selected.problems.length === 0;
    for (const known of selected.vms) {
      const { row, isWhole } = describe(selected.kvm, known, module, common);
      whole &&= isWhole;
      yield row;
    }
    return whole ? 0 : 1;
  },

  text: () =>
    table<VmRow>([
      { heading: 'PID', align: 'right', text: ({ pid }) => `${pid ?? '-'}` },
      { heading: 'NAME', text: (row) => fromArguments(row, row.name) },
      { heading: 'PROCESS', text: processText },
      { heading: 'FD', align: 'right', text: (row) => `${holderOf(row)?.fd ?? '-'}` },
      { heading: 'VCPUS', align: 'right', text: ({ vcpus }) => `${vcpus ?? '-'}` },
      { heading: 'MEMORY', align: 'right', text: ({ memory }) => (memory === null ? '-' : size(memory)) },
      { heading: 'SLOTS', align: 'right', text: slotsText },
      { heading: 'KVM', text: ({ kvm }) => kvm.toString(16) },
      { heading: 'UUID', text: (row) => fromArguments(row, row.uuid) },
    ]),
});

/** The numbers of slots of the address spaces. */
const slotsText = ({ spaces }: VmRow): string =>
  spaces === null ? '-' : spaces.map(({ slots }) => slots ?? '?').join('+') || '0';

/** What the creator's command line says: '-' if it does not have it, '?' if it can't be read. */
const fromArguments = ({ arguments: words, creator: maker, pid }: VmRow, text: string | null): string =>
  text === null ? (words === null || maker?.pid !== pid ? '?' : '-') : printable(text);

/** The process with the pid of the row; undefined if it does not hold the VM. */
const holderOf = ({ holders, pid }: VmRow): VmHolder | undefined => holders.find((each) => each.pid === pid);

/** The name of the process that holds the VM, and the creator if that is another process. */
function processText(row: VmRow): string {
  const { creator: maker, pid } = row;
  const process = holderOf(row);
  const holding = process === undefined ? '-' : printable(process.comm);
  if (maker === null || maker.pid === pid) return holding;
  return `${holding} (created by ${maker.pid}${maker.alive ? '' : ', exited'})`;
}

/** What is known of a VM, and whether its creator, holders, memslots, vCPUs and type are. */
function describe(
  kvm: Kvm,
  known: KnownVm,
  module: VendorModule | null,
  common: readonly string[],
): { row: VmRow; isWhole: boolean } {
  const { address, mm, holders, pid } = known;
  const { words, guest, problems: unread } = argumentsOfVm(kvm, known);
  const problems = [...common, ...known.problems, ...unread];
  const unknown: string[] = [];
  const vcpus = orProblem(unknown, 'vCPUs', () => vcpusOf(kvm, address));
  const type = orProblem(unknown, 'type', () => typeOf(kvm, address));
  problems.push(...unknown);
  const slots = slotSizes(kvm, address, problems);
  const row = {
    kvm: address,
    pid,
    creator: known.creator,
    holders,
    name: guest?.name ?? null,
    uuid: guest?.uuid ?? null,
    arguments: words,
    mm,
    memory: slots.memory,
    spaces: slots.spaces,
    vcpus,
    module,
    type,
    problems,
  };
  return { row, isWhole: known.problems.length === 0 && unknown.length === 0 && slots.isWhole };
}
