// SPDX-License-Identifier: Apache-2.0
import { columnsFrom, made } from '../report/columns.js';
import { digitsOfPage } from '../report/hex.js';
import { recordKind } from '../report/records.js';
import { count, digits, flag, hex, list, nullable, text } from '../report/types.js';

/** An address as a page number and the offset there: bigints for each match would be slow. */
export interface PlaceIn {
  readonly page: number;
  readonly offset: number;
}

/** A match. */
export interface MatchRow {
  readonly record: 'match';
  /** Addresses of its first byte; null for one that does not exist in the memory that was searched. */
  readonly gva: PlaceIn | null;
  readonly gpa: PlaceIn | null;
  readonly hva: PlaceIn | null;
  readonly hpa: PlaceIn | null;
  readonly length: number;
  /** Its first bytes, for people. */
  readonly bytes: Uint8Array;
}

export interface SearchTotalRow {
  readonly record: 'total';
  readonly kvm: bigint;
  readonly pid: number;
  readonly matches: number;
  /** Bytes that were searched, and bytes that are missing. */
  readonly searched: number;
  readonly missing: number;
  readonly complete: boolean;
  readonly problems: readonly string[];
}

const address = nullable(digits(({ page, offset }: PlaceIn) => digitsOfPage(page, offset)));

export const matches = recordKind<MatchRow>(
  'match',
  'A match.',
  columnsFrom<MatchRow>({
    gva: made(address, 'Guest virtual address of its first byte; null without --gva.', ({ gva }) => gva),
    gpa: made(address, 'Guest physical address of its first byte; null with --hva.', ({ gpa }) => gpa),
    hva: made(address, 'Host virtual address of its first byte.', ({ hva }) => hva),
    hpa: made(address, 'Host physical address of its first byte.', ({ hpa }) => hpa),
    length: made(count(1), 'Number of bytes.', ({ length }) => length),
  }),
);

export const searchTotals = {
  schema: 'search-total',
  ...recordKind<SearchTotalRow>(
    'total',
    'The end of a search.',
    columnsFrom<SearchTotalRow>({
      kvm: made(hex, 'Address of struct kvm.', ({ kvm }) => kvm),
      pid: made(count(), 'Pid of the process that holds the VM.', ({ pid }) => pid),
      matches: made(count(), 'Number of matches.', (row) => row.matches),
      searched: made(count(), 'Bytes that were searched.', ({ searched }) => searched),
      missing: made(count(), 'Bytes that are in the ranges, but not in the dump.', ({ missing }) => missing),
      complete: made(
        flag,
        'False if bytes or memslots are missing: there can be more matches.',
        ({ complete }) => complete,
      ),
      problems: made(list(text), 'What could not be read, and why.', ({ problems }) => problems),
    }),
  ),
};
