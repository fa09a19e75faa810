// SPDX-License-Identifier: Apache-2.0
// The records of map: runs, and their totals.
import { REASONS, STATES } from '../core/outcome.js';
import type { Selected } from '../kvm/select.js';
import { columns, columnsFrom, made, record } from '../report/columns.js';
import { digitsOfPage } from '../report/hex.js';
import { recordKind } from '../report/records.js';
import { cached, count, digits, flag, hex, keyed, list, nullable, numberOf, oneOf, text } from '../report/types.js';
import type { SlotRun } from '../spaces/slot-runs.js';
import type { SwapPlace } from '../spaces/space.js';
import type { Totals } from '../spaces/totals.js';

/** A run and its VM. One object is used for all runs. */
export class RunRow {
  readonly record = 'run';
  readonly pid: number;
  readonly kvm: bigint;

  constructor(
    { pid, vm }: Selected,
    readonly addressSpace: number,
    readonly run: SlotRun,
  ) {
    this.pid = pid;
    this.kvm = vm.address;
  }
}

/** The totals of all runs, in bytes. */
export class TotalRow {
  readonly record = 'total';
  readonly pid: number;
  readonly kvm: bigint;
  readonly bytes: number;
  readonly runs: number;
  readonly states: readonly (readonly [string, number])[];
  readonly pageSizes: readonly (readonly [string, number])[];
  readonly nodes: readonly (readonly [string, number])[];
  readonly protNone: number;

  constructor(
    { pid, vm }: Selected,
    readonly addressSpace: number,
    { pages, runs: number, states, sizes, nodes, protNone }: Totals,
    readonly complete: boolean,
    readonly problems: readonly string[],
  ) {
    this.pid = pid;
    this.kvm = vm.address;
    this.bytes = pages * 4096;
    this.runs = number;
    this.states = STATES.flatMap((state) => (states.has(state) ? [[state, bytesOf(states, state)] as const] : []));
    this.pageSizes = ascending(sizes);
    this.nodes = ascending(nodes);
    this.protNone = protNone * 4096;
  }
}

const bytesOf = <K>(pages: ReadonlyMap<K, number>, key: K): number => (pages.get(key) ?? 0) * 4096;

const ascending = (pages: ReadonlyMap<number, number>): (readonly [string, number])[] =>
  [...pages.keys()].sort((a, b) => a - b).map((key) => [`${key}`, bytesOf(pages, key)]);

const page = digits((number: number) => digitsOfPage(number, 0));
const isMapped = ({ run }: RunRow): boolean => run.state === 'mapped';

const swap = columns<SwapPlace>({
  type: [count(0, { maximum: 31 }), 'Number of the swap area.'],
  offset: [count(), 'Offset of the first page in the swap area, in pages.'],
  device: [nullable(text), 'Path of the swap device or file; null if it cannot be read.'],
});

export const runs = recordKind<RunRow>(
  'run',
  'A run of pages of a memslot.',
  columnsFrom<RunRow>({
    kvm: made(cached(hex), 'Address of struct kvm.', ({ kvm }) => kvm),
    pid: made(cached(count()), 'Pid of the process that holds the VM.', ({ pid }) => pid),
    addressSpace: made(count(), "KVM's address space: 0, or 1 for SMM.", ({ addressSpace }) => addressSpace),
    slot: made(count(), "KVM's number of the slot.", ({ run }) => run.slot.id),
    gpa: made(page, 'First guest physical address.', ({ run }) => run.first as number),
    size: made(count(4096), 'Size in bytes.', ({ run }) => run.pages * 4096),
    hva: made(page, 'Host virtual address of the first byte.', ({ run }) => run.page as number),
    hpa: made(
      nullable(page),
      'Host physical address of the first byte; a string if and only if state is mapped.',
      (row: RunRow) => (isMapped(row) ? (row.run.frame as number) : null),
    ),
    state: made(oneOf(...STATES), 'State of the pages.', ({ run }) => run.state),
    reason: made(nullable(oneOf(...REASONS)), 'Why there is no HPA; null if mapped.', ({ run }) => run.reason),
    pageSize: made(
      nullable(numberOf(4096, 2 ** 21, 2 ** 30)),
      'Bytes that each leaf entry maps; null unless mapped.',
      ({ run }) => run.pageSize,
    ),
    protNone: made(
      flag,
      'Whether the leaf entries are PROT_NONE: the pages are in memory, but marked not present.',
      ({ run }) => run.protNone,
    ),
    frame: made(
      nullable(hex),
      'The page frame number in the entry of the first page, if the entry does not map the page now; else null.',
      (row: RunRow) => (isMapped(row) ? null : row.run.frame),
    ),
    swap: made(nullable(record(swap)), 'The place of the first page in swap; null unless swapped.', ({ run }) =>
      run.state === 'swapped' ? run.swap : null,
    ),
    node: made(
      nullable(count()),
      'NUMA node; null unless mapped, and for memory of no node (device memory).',
      ({ run }) => run.node,
    ),
  }),
);

export const totals = recordKind<TotalRow>(
  'total',
  'The totals of all runs.',
  columnsFrom<TotalRow>({
    kvm: made(hex, 'Address of struct kvm.', ({ kvm }) => kvm),
    pid: made(count(), 'Pid of the process that holds the VM.', ({ pid }) => pid),
    addressSpace: made(count(), "KVM's address space: 0, or 1 for SMM.", ({ addressSpace }) => addressSpace),
    bytes: made(count(), 'Bytes of all runs.', ({ bytes }) => bytes),
    runs: made(count(), 'Number of runs.', ({ runs: number }) => number),
    states: made(keyed(count(1)), 'Bytes by state.', ({ states }) => states),
    pageSizes: made(keyed(count(1)), 'Mapped bytes by the bytes that their leaf entry maps.', (row) => row.pageSizes),
    nodes: made(keyed(count(1)), 'Mapped bytes by NUMA node.', ({ nodes }) => nodes),
    protNone: made(count(), 'Mapped bytes with leaf entries that are PROT_NONE.', ({ protNone }) => protNone),
    complete: made(
      flag,
      'False if gaps or damage in the dump hide memslots, or what became of pages.',
      ({ complete }) => complete,
    ),
    problems: made(list(text), 'What could not be read, and why.', ({ problems }) => problems),
  }),
);
