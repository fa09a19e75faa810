// SPDX-License-Identifier: Apache-2.0
// Runs of pages, and their totals: the records of map, and of hva for ranges.
import { REASONS, STATES } from '../core/outcome.js';
import { columnsFrom, made, record } from '../report/columns.js';
import { digitsOfPage } from '../report/hex.js';
import { recordKind } from '../report/records.js';
import { cached, count, digits, flag, hex, keyed, list, nullable, oneOf, text } from '../report/types.js';
import type { PlacedRun } from '../spaces/placed-runs.js';
import type { Totals } from '../spaces/totals.js';
import { pageSizes, swapPlace } from './answer-columns.js';

/** Whose memory a run is. */
export interface MemoryOf {
  readonly pid: number;
  /** Address of struct kvm, and KVM's address space; null for the memory of a process. */
  readonly kvm: bigint | null;
  readonly addressSpace: number | null;
}

/** A run and whose memory it is. One object is used for all runs. */
export class RunRow<P extends PlacedRun = PlacedRun> {
  readonly record = 'run';
  readonly pid: number;
  readonly kvm: bigint | null;
  readonly addressSpace: number | null;

  constructor(
    { pid, kvm, addressSpace }: MemoryOf,
    readonly run: P,
  ) {
    this.pid = pid;
    this.kvm = kvm;
    this.addressSpace = addressSpace;
  }
}

/** The totals of all runs, in bytes. */
export class TotalRow {
  readonly record = 'total';
  readonly pid: number;
  readonly kvm: bigint | null;
  readonly addressSpace: number | null;
  readonly bytes: number;
  readonly runs: number;
  readonly states: readonly (readonly [string, number])[];
  readonly reasons: readonly (readonly [string, number])[];
  readonly pageSizes: readonly (readonly [string, number])[];
  readonly nodes: readonly (readonly [string, number])[];
  readonly protNone: number;

  constructor(
    { pid, kvm, addressSpace }: MemoryOf,
    { pages, runs: number, states, reasons, sizes, nodes, protNone }: Totals,
    readonly complete: boolean,
    readonly problems: readonly string[],
    /** Bytes of the ranges that are in no mapping; null for the memory of a VM, and if mappings may be missing. */
    readonly gaps: number | null = null,
  ) {
    this.pid = pid;
    this.kvm = kvm;
    this.addressSpace = addressSpace;
    this.bytes = pages * 4096;
    this.runs = number;
    this.states = inOrder(STATES, states);
    this.reasons = inOrder(REASONS, reasons);
    this.pageSizes = ascending(sizes);
    this.nodes = ascending(nodes);
    this.protNone = protNone * 4096;
  }
}

const bytesOf = <K>(pages: ReadonlyMap<K, number>, key: K): number => (pages.get(key) ?? 0) * 4096;

const inOrder = <K extends string>(names: readonly K[], pages: ReadonlyMap<K, number>): (readonly [string, number])[] =>
  names.flatMap((name) => (pages.has(name) ? [[name, bytesOf(pages, name)] as const] : []));

const ascending = (pages: ReadonlyMap<number, number>): (readonly [string, number])[] =>
  [...pages.keys()].sort((a, b) => a - b).map((key) => [`${key}`, bytesOf(pages, key)]);

const page = digits((number: number) => digitsOfPage(number, 0));
const isMapped = ({ run }: RunRow): boolean => run.state === 'mapped';

export const runs = recordKind<RunRow>(
  'run',
  'A run of pages of a memslot, or of a mapping of a process.',
  columnsFrom<RunRow>({
    kvm: made(cached(nullable(hex)), 'Address of struct kvm; null for the memory of a process.', ({ kvm }) => kvm),
    pid: made(cached(count()), 'Pid of the process, or of the one that holds the VM.', ({ pid }) => pid),
    addressSpace: made(
      nullable(count()),
      "KVM's address space: 0, or 1 for SMM; null for the memory of a process.",
      ({ addressSpace }) => addressSpace,
    ),
    slot: made(
      nullable(count()),
      "KVM's number of the slot; null for the memory of a process.",
      ({ run }) => run.slot?.id ?? null,
    ),
    gpa: made(
      nullable(page),
      'First guest physical address; null for the memory of a process.',
      ({ run }) => run.first as number | null,
    ),
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
      nullable(pageSizes),
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
      'The page frame number of the first page where it is although it is not mapped: in a cache of the kernel, in a guest_memfd, or named by its entry; else null.',
      (row: RunRow) => (isMapped(row) ? null : row.run.frame),
    ),
    swap: made(
      nullable(record(swapPlace)),
      'The place of the first page in swap; null unless it has been swapped out.',
      ({ run }) => run.swap,
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
    kvm: made(nullable(hex), 'Address of struct kvm; null for the memory of a process.', ({ kvm }) => kvm),
    pid: made(count(), 'Pid of the process, or of the one that holds the VM.', ({ pid }) => pid),
    addressSpace: made(
      nullable(count()),
      "KVM's address space: 0, or 1 for SMM; null for the memory of a process.",
      ({ addressSpace }) => addressSpace,
    ),
    bytes: made(count(), 'Bytes of all runs.', ({ bytes }) => bytes),
    runs: made(count(), 'Number of runs.', ({ runs: number }) => number),
    states: made(keyed(count(1)), 'Bytes by state.', ({ states }) => states),
    reasons: made(keyed(count(1)), 'Bytes that are not mapped, by reason.', ({ reasons }) => reasons),
    pageSizes: made(keyed(count(1)), 'Mapped bytes by the bytes that their leaf entry maps.', (row) => row.pageSizes),
    nodes: made(keyed(count(1)), 'Mapped bytes by NUMA node.', ({ nodes }) => nodes),
    protNone: made(count(), 'Mapped bytes with leaf entries that are PROT_NONE.', ({ protNone }) => protNone),
    gaps: made(
      nullable(count()),
      "Bytes that are in no mapping of the process; null for a VM's memory, and if mappings may be missing.",
      ({ gaps }) => gaps,
    ),
    complete: made(
      flag,
      'False if gaps or damage in the dump hide memslots, or what became of pages.',
      ({ complete }) => complete,
    ),
    problems: made(list(text), 'What could not be read, and why.', ({ problems }) => problems),
  }),
);
