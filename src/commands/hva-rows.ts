// SPDX-License-Identifier: Apache-2.0
// The record of hva for single addresses.
import { REASONS, STATES } from '../core/outcome.js';
import type { Vma } from '../kernel/vma.js';
import { columnsFrom, made, record } from '../report/columns.js';
import { digitsOfPage } from '../report/hex.js';
import { recordKind } from '../report/records.js';
import { cached, count, digits, flag, hex, nullable, oneOf, text } from '../report/types.js';
import type { Answer } from '../translate/answer.js';
import { pageSizes, swapPlace, walk } from './answer-columns.js';
import { invalid } from './answered.js';
import type { BadLine } from './command.js';

/** A mapping, and its name. */
export interface NamedVma {
  readonly vma: Vma;
  readonly file: string | null;
}

/** A virtual address and its answer. One object is reused for all rows. */
export class HvaRow {
  readonly record = 'hva';
  /** Hexadecimal digits of the address; null if the text is not an address. */
  digits: string | null = null;
  /** The line, if it is not an address; else null. */
  wrong: BadLine | null = null;
  vma: NamedVma | null = null;
  readonly problems: string[] = [];

  constructor(
    readonly pid: number,
    public answer: Answer,
  ) {}

  set(digits: string, answer: Answer, vma: NamedVma | null): this {
    return this.#set(digits, null, answer, vma);
  }

  /** An answer to a line that is not an address. */
  setInvalid(wrong: BadLine, message: string): this {
    return this.#set(null, wrong, invalid(message), null);
  }

  #set(digits: string | null, wrong: BadLine | null, answer: Answer, vma: NamedVma | null): this {
    this.digits = digits;
    this.wrong = wrong;
    this.answer = answer;
    this.vma = vma;
    return this;
  }
}

const isMapped = ({ answer }: HvaRow): boolean => answer.state === 'mapped';

const mapping = columnsFrom<NamedVma>({
  start: made(hex, 'First address.', ({ vma }) => vma.start),
  end: made(hex, 'Address after the last one.', ({ vma }) => vma.end),
  flags: made(hex, 'vm_flags (VM_*).', ({ vma }) => vma.flags),
  file: made(
    nullable(text),
    'Path of the file, [heap], [stack] or [vdso]; null for other anonymous memory.',
    ({ file }) => file,
  ),
  offset: made(hex, 'Offset of the first address in the file, in bytes.', ({ vma }) =>
    vma.file === 0n ? 0n : vma.pgoff * 4096n,
  ),
});

export const hvas = recordKind<HvaRow>(
  'hva',
  'A virtual address of a process.',
  columnsFrom<HvaRow>({
    pid: made(cached(count()), 'Pid of the process.', ({ pid }) => pid),
    hva: made(
      nullable(digits((written: string) => written)),
      'The virtual address; null if the text is not an address.',
      (row: HvaRow) => row.digits,
    ),
    hpa: made(
      nullable(digits(({ frame, offset }: Answer) => digitsOfPage(frame as number, offset))),
      'Host physical address; a string if and only if state is mapped.',
      (row) => (isMapped(row) ? row.answer : null),
    ),
    state: made(oneOf(...STATES), 'Result of the translation.', ({ answer }) => answer.state),
    reason: made(nullable(oneOf(...REASONS)), 'Why there is no HPA; null if mapped.', ({ answer }) => answer.reason),
    message: made(nullable(text), 'The reason in words; not to be parsed.', ({ answer }) => answer.message),
    pageSize: made(
      nullable(pageSizes),
      'Bytes that the leaf entry maps; null unless mapped.',
      ({ answer }) => answer.pageSize,
    ),
    protNone: made(
      flag,
      'Whether the leaf entry is PROT_NONE: the page is in memory, but marked not present.',
      ({ answer }) => answer.protNone,
    ),
    frame: made(
      nullable(hex),
      'The page frame number of the page where it is although it is not mapped: in a cache of the kernel, in a guest_memfd, or named by its entry; else null.',
      (row) => (isMapped(row) ? null : row.answer.frame),
    ),
    vma: made(
      cached(nullable(record(mapping))),
      'The mapping that contains the address; null if there is none, or it cannot be read.',
      ({ vma }) => vma,
    ),
    walk: made(walk(), 'The page-table entries that were read, from the top level down.', ({ answer }) => answer.steps),
    swap: made(
      nullable(record(swapPlace)),
      'The place of the page in swap; null unless it has been swapped out.',
      ({ answer }) => answer.swap,
    ),
  }),
);
