// SPDX-License-Identifier: Apache-2.0
import { printable } from '../core/text.js';
import { orProblem } from '../kvm/about.js';
import type { KnownVm } from '../kvm/all-vms.js';
import { BACKINGS, type Backing, backingOf } from '../kvm/backing.js';
import type { Kvm } from '../kvm/kvm.js';
import { flagNames, type Memslot } from '../kvm/memslots/slot.js';
import { selectVms } from '../kvm/select.js';
import { Vm } from '../kvm/vm.js';
import { columns, record } from '../report/columns.js';
import { recordKind } from '../report/records.js';
import { size, table } from '../report/table.js';
import { count, flag, hex, list, nullable, oneOf, text, word } from '../report/types.js';
import type { GuestSpace } from '../spaces/guest-space.js';
import { SlotRuns } from '../spaces/slot-runs.js';
import { guestSpaceOf } from '../spaces/spaces.js';
import { Totals } from '../spaces/totals.js';
import { command } from './command.js';
import { flag as flagOption } from './options.js';

/** A memslot of a VM. */
export interface SlotRow {
  /** Address of struct kvm. */
  readonly kvm: bigint;
  /** Pid of a holder of the VM, or else of its creator; null if neither is known. */
  readonly pid: number | null;
  /** KVM's address space: 0, or 1 for SMM. */
  readonly addressSpace: number;
  /** KVM's number of the slot. */
  readonly id: number;
  /** First guest physical address. */
  readonly gpa: bigint;
  /** Size in bytes. */
  readonly size: number;
  /** Host virtual address of its first byte. */
  readonly hva: bigint;
  /** KVM_MEM_ bits. */
  readonly flags: number;
  /** Names of these bits. */
  readonly flagNames: readonly string[];
  /** Whether KVM made the slot for itself: TSS, identity map, APIC access page. */
  readonly internal: boolean;
  /** The memory of the process that backs the slot. */
  readonly backing: Backing;
  /** Bytes of its pages that page tables map; null if they were not counted, or if it is not known. */
  readonly resident: number | null;
  /**
   * Bytes of its pages that page tables have in swap, which leaves out shared memory; null if they were not counted, or if
   * it is not known.
   */
  readonly swapped: number | null;
  /** What could not be read, and why. */
  readonly problems: readonly string[];
}

const backing = columns<Backing>({
  kind: [
    nullable(oneOf(...BACKINGS)),
    "Kind of the memory that backs the slot; 'none' if nothing is mapped there, null if unknown.",
  ],
  path: [
    nullable(text),
    'Path of the mapped file, in the form of /proc/PID/maps without " (deleted)"; null for anonymous memory.',
  ],
  pageSize: [nullable(count(4096)), 'Page size of the mapping in bytes.'],
  shared: [nullable(flag), 'Whether the mapping is shared.'],
});

const kind = recordKind<SlotRow>(
  'slot',
  'A memslot of a VM.',
  columns<SlotRow>({
    kvm: [hex, 'Address of struct kvm.'],
    pid: [
      nullable(count()),
      'The pid to give with -g: that of the creator if it holds the VM, or else of a holder, or else of the creator.',
    ],
    addressSpace: [count(), "KVM's address space: 0, or 1 for SMM."],
    id: [count(), "KVM's number of the slot."],
    gpa: [hex, 'First guest physical address.'],
    size: [count(4096), 'Size in bytes.'],
    hva: [hex, 'Host virtual address of its first byte.'],
    flags: [count(), "The slot's flags (KVM_MEM_...)."],
    flagNames: [list(word), 'Names of the flags.'],
    internal: [flag, 'Whether KVM made the slot for itself: TSS, identity map, APIC access page.'],
    backing: [record(backing), 'The memory of the process that backs the slot.'],
    resident: [nullable(count()), 'Bytes of its pages that page tables map; null without --sizes, and if not known.'],
    swapped: [
      nullable(count()),
      'Bytes of its pages that page tables have in swap, which leaves out shared memory; null without --sizes, and if not known.',
    ],
    problems: [list(text), 'What could not be read, and why.'],
  }),
);

/** Lists the memslots of VMs. */
export const slots = command({
  name: 'slots',
  summary: 'list the memslots of VMs',
  description:
    'Lists the memslots of all VMs, or of the VMs that -g selects: the guest physical addresses of each slot, its virtual address in the process, and the kind of memory that backs it.',
  needs: 'vms',
  args: null,
  options: { sizes: flagOption('count the bytes of each slot that page tables have in memory and in swap') },
  records: [kind],
  csv: true,
  notes: [
    'AS is the address space: 0 is the normal one, 1 is that of System Management Mode (SMM). Slots that KVM made for itself (TSS, identity map, APIC access page) are marked "internal".',
    "PID is the pid to give with -g, KVM the address of struct kvm, ID KVM's number of the slot. GUEST PHYSICAL has the first and the last address, HOST VIRTUAL the first. With --sizes, RESIDENT and SWAPPED are the sizes of the pages that are in memory and in swap by the page tables of the process. A page of shared memory or of a file that they do not map may be in the page cache or in swap as well; it is not counted. BACKING is the kind of the memory (? if it is not known), the page size if it is not 4 KiB, and the path of the file. FLAGS are the names of the KVM_MEM_ bits. A value that is not known is -.",
  ],
  examples: [
    { line: 'slots -c vmcore -g 191579' },
    { line: 'slots -c vmcore --csv > slots.csv', note: 'the memslots of all VMs' },
  ],
  exit: {
    0: 'all memslots are listed',
    1: 'memslots may be missing, or what backs one or its sizes are not known',
    2: 'the memslots could not be listed',
  },

  *run({ host, process, vm, log, options: { sizes } }) {
    const selected = selectVms(host, process, vm);
    const problems = [...selected.problems];
    let whole = true;
    for (const known of selected.vms)
      for (const row of rowsOf(selected.kvm, known, problems, sizes)) {
        whole &&= row.problems.length === 0;
        yield row;
      }
    for (const problem of problems) log.warn(problem);
    return whole && problems.length === 0 ? 0 : 1;
  },

  text: ({ options: { sizes } }) =>
    table<SlotRow>([
      { heading: 'PID', align: 'right', text: ({ pid }) => `${pid ?? '-'}` },
      { heading: 'KVM', text: ({ kvm }) => kvm.toString(16) },
      { heading: 'AS', align: 'right', text: ({ addressSpace }) => `${addressSpace}` },
      { heading: 'ID', align: 'right', text: ({ id }) => `${id}` },
      { heading: 'GUEST PHYSICAL', align: 'right', text: rangeText },
      { heading: 'HOST VIRTUAL', align: 'right', text: ({ hva }) => hva.toString(16) },
      { heading: 'SIZE', align: 'right', text: (row) => size(row.size) },
      ...(sizes
        ? [
            { heading: 'RESIDENT', align: 'right' as const, text: ({ resident }: SlotRow) => sizeText(resident) },
            { heading: 'SWAPPED', align: 'right' as const, text: ({ swapped }: SlotRow) => sizeText(swapped) },
          ]
        : []),
      { heading: 'BACKING', text: backingText },
      {
        heading: 'FLAGS',
        text: ({ flagNames: names, internal }) => [...names, ...(internal ? ['internal'] : [])].join(','),
      },
    ]),
});

/** A size; - if it is not known. */
export const sizeText = (bytes: number | null): string => (bytes === null ? '-' : size(bytes));

const rangeText = ({ gpa, size: bytes }: SlotRow): string =>
  `${gpa.toString(16)}-${(gpa + BigInt(bytes) - 1n).toString(16)}`;

export function backingText({ backing: { kind: what, path, pageSize } }: SlotRow): string {
  const pages = pageSize === null || pageSize === 4096 ? '' : ` of ${size(pageSize)}`;
  return `${what ?? '?'}${pages}${path === null ? '' : ` ${printable(path, 4096)}`}`;
}

function* rowsOf(kvm: Kvm, known: KnownVm, problems: string[], sizes: boolean): Generator<SlotRow> {
  const { address, pid } = known;
  if (pid === null) problems.push(...known.problems);
  const what = `VM at 0x${address.toString(16)}`;
  const vm = orProblem(problems, null, () => new Vm(kvm, address));
  if (vm === null) return;
  for (let addressSpace = 0; addressSpace < vm.spaces; addressSpace++) {
    const set = orProblem(problems, null, () => vm.slots(addressSpace));
    if (set === null) continue;
    if (set.missing !== null)
      problems.push(`${what}: memslots of address space ${addressSpace} may be missing: ${set.missing}`);
    const space = sizes ? guestSpaceOf(vm, addressSpace) : null;
    for (const slot of set.slots) {
      const row = rowOf(vm, slot, { pid, addressSpace });
      yield space === null ? row : counted(row, space, slot);
    }
  }
}

/** A row with the bytes of its pages that are in memory and in swap; null if the dump hides some of them. */
function counted(row: SlotRow, space: GuestSpace, { first, pages }: Memslot): SlotRow {
  const sums = new Totals();
  const cursor = new SlotRuns(space, [{ first, end: first + pages }], null);
  while (cursor.advance()) sums.add(cursor.run);
  const { problems, ...sizes } = sizesOf(sums);
  return { ...row, ...sizes, problems: [...row.problems, ...problems] };
}

/** Bytes of some pages that are in memory and in swap; null, with the reason, if that is not known of all. */
export function sizesOf(sums: Totals): Pick<SlotRow, 'resident' | 'swapped' | 'problems'> {
  const { states, reasons } = sums;
  const problems = sums.problems();
  const inMemfd = states.get('guest-memfd') ?? 0;
  if (inMemfd > 0)
    problems.push(`${inMemfd * 4096} bytes are in a guest_memfd: whether they are in memory is not known`);
  if (problems.length > 0) return { resident: null, swapped: null, problems };
  const swapped = (states.get('swapped') ?? 0) + (reasons.get('shmem-swapped') ?? 0);
  return { resident: (states.get('mapped') ?? 0) * 4096, swapped: swapped * 4096, problems };
}

/** The row of a slot, with the memory that backs it. */
export function rowOf(vm: Vm, slot: Memslot, { pid, addressSpace }: Pick<SlotRow, 'pid' | 'addressSpace'>): SlotRow {
  const { id, first, pages, hva, flags, internal } = slot;
  const gpa = BigInt(first) * 4096n;
  const found = backingOf(vm.kvm.host, vm.mm, slot);
  const names = flagNames(slot);
  const place = { kvm: vm.address, pid, addressSpace };
  return {
    ...place,
    id,
    gpa,
    size: pages * 4096,
    hva,
    flags,
    flagNames: names,
    internal,
    resident: null,
    swapped: null,
    ...found,
  };
}
