// SPDX-License-Identifier: Apache-2.0
import { STATES, type State } from '../core/outcome.js';
import { columnsFrom, made } from '../report/columns.js';
import { digitsOfPage } from '../report/hex.js';
import { recordKind } from '../report/records.js';
import { count, digits, flag, hex, list, nullable, numberOf, oneOf, text } from '../report/types.js';

/** What KVM's page tables say of an address or of a run of pages, and what the memslots and the process's tables say. */
export interface NptRow {
  readonly record: 'npt';
  readonly kvm: bigint;
  readonly pid: number;
  readonly addressSpace: number;
  readonly page: number;
  readonly offset: number;
  readonly pages: number;
  /** Null if KVM's page tables do not map the page. */
  readonly frame: number | null;
  readonly level: number | null;
  /** By the memslots and the process's page tables; the state if that is not `mapped`. */
  readonly through: { readonly frame: number | null; readonly state: State };
  /** Null if one of the two does not have an address. */
  readonly agrees: boolean | null;
  readonly problems: readonly string[];
}

export interface NptTotalRow {
  readonly record: 'total';
  readonly kvm: bigint;
  readonly pid: number;
  readonly kind: 'NPT' | 'EPT';
  readonly roots: number;
  readonly mapped: number;
  readonly agreeing: number;
  readonly disagreeing: number;
  readonly complete: boolean;
  readonly problems: readonly string[];
}

interface Place {
  readonly page: number;
  readonly offset: number;
}
const address = digits(({ page, offset }: Place) => digitsOfPage(page, offset));
const placeOf = (page: number | null, { offset }: NptRow): Place | null => (page === null ? null : { page, offset });

export const npts = recordKind<NptRow>(
  'npt',
  "What KVM's own page tables map.",
  columnsFrom<NptRow>({
    kvm: made(hex, 'Address of struct kvm.', ({ kvm }) => kvm),
    pid: made(count(), 'Pid of the process that holds the VM.', ({ pid }) => pid),
    addressSpace: made(count(), "KVM's address space: 0, or 1 for SMM.", (row) => row.addressSpace),
    gpa: made(address, 'Guest physical address.', (row: NptRow) => row),
    size: made(count(), 'Bytes that this record is about: 1 for an address that was asked for.', ({ pages, offset }) =>
      pages === 0 ? 1 : pages * 4096 - offset,
    ),
    hpa: made(nullable(address), "Host physical address by KVM's page tables; null if they do not map it.", (row) =>
      placeOf(row.frame, row),
    ),
    level: made(
      nullable(numberOf(1, 2, 3)),
      'Level of the entry: 1 for 4 KiB, 2 for 2 MiB, 3 for 1 GiB.',
      (row) => row.level,
    ),
    throughHva: made(
      nullable(address),
      "Host physical address by the memslots and the process's page tables; null if they do not map it.",
      (row) => placeOf(row.through.frame, row),
    ),
    state: made(
      oneOf(...STATES),
      'State by the memslots and the page tables of the process.',
      ({ through }) => through.state,
    ),
    agrees: made(
      nullable(flag),
      'Whether both are equal; null if one of them does not have an address.',
      (row) => row.agrees,
    ),
    problems: made(list(text), 'What could not be read, and why.', ({ problems }) => problems),
  }),
);

export const nptTotals = {
  schema: 'npt-total',
  ...recordKind<NptTotalRow>(
    'total',
    "All pages that KVM's page tables map.",
    columnsFrom<NptTotalRow>({
      kvm: made(hex, 'Address of struct kvm.', ({ kvm }) => kvm),
      pid: made(count(), 'Pid of the process that holds the VM.', ({ pid }) => pid),
      kind: made(oneOf('NPT', 'EPT'), 'Nested page tables (AMD) or extended page tables (Intel).', ({ kind }) => kind),
      roots: made(count(), 'Number of top tables.', ({ roots }) => roots),
      mapped: made(count(), "Bytes that KVM's page tables map, those of all address spaces.", ({ mapped }) => mapped),
      agreeing: made(count(), 'Bytes with the same host physical address in both.', (row) => row.agreeing),
      disagreeing: made(count(), 'Bytes with another one, or with none in the process.', (row) => row.disagreeing),
      complete: made(flag, 'False if tables are missing, of KVM or of the process.', ({ complete }) => complete),
      problems: made(list(text), 'What could not be read, and why.', ({ problems }) => problems),
    }),
  ),
};
