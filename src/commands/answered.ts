// SPDX-License-Identifier: Apache-2.0
// The record of the main command: version 1 of --json.
import { REASONS, STATES } from '../core/outcome.js';
import { printable } from '../core/text.js';
import type { Memslot } from '../kvm/memslots/slot.js';
import type { Selected } from '../kvm/select.js';
import { type Column, columns, columnsFrom, made, record } from '../report/columns.js';
import { digitsOfPage } from '../report/hex.js';
import type { RecordKind } from '../report/records.js';
import { cached, count, digits, flag, hex, nullable, oneOf, type Schema, text } from '../report/types.js';
import type { Answer } from '../translate/answer.js';
import { pageSizes, swapPlace, walk } from './answer-columns.js';
import type { BadLine } from './command.js';
import { type PageRow, pageColumns } from './page-rows.js';

/** An address and its answer. One object is reused for all rows: writers must not keep it. */
export class Answered {
  /** Hexadecimal digits of the address; null if the text is not an address. */
  digits: string | null = null;
  /** The text, if it is not an address. */
  text = '';
  /** The number of the line of standard input, if it is not an address; else 0. */
  line = 0;
  answer: Answer = invalid('');
  /** With --facts: the page at the host physical address; null if there is none. */
  page: PageRow | null = null;
  readonly pid: number;
  readonly vm: { readonly fd: number | null; readonly kvm: bigint };

  constructor(
    { pid, fd, vm }: Selected,
    readonly addressSpace: number,
  ) {
    this.pid = pid;
    this.vm = { fd, kvm: vm.address };
  }

  set(digits: string, answer: Answer): this {
    return this.#set(digits, '', 0, answer);
  }

  /** An answer to a line that is not an address. */
  setInvalid({ text: wrong, line }: BadLine): this {
    return this.#set(null, wrong, line, invalid(wrong));
  }

  #set(digits: string | null, wrong: string, line: number, answer: Answer): this {
    this.digits = digits;
    this.text = wrong;
    this.line = line;
    this.answer = answer;
    return this;
  }
}

/** The answer to text that is not an address. */
export const invalid = (word: string): Answer => ({
  state: 'invalid',
  reason: 'not-hexadecimal',
  message: `'${printable(word)}' is not a hexadecimal address`,
  slot: null,
  page: null,
  offset: 0,
  frame: null,
  pageSize: null,
  protNone: false,
  steps: [],
  swap: null,
});

/** The surroundings of an answer to text that is not an address. */
export const NOTHING = {
  vma: null,
  vmaKnown: false,
  file: '',
  page: null,
  zeroPage: false,
  resource: null,
  memoryDigits: 0,
  encryption: 0n,
};

const slot = columnsFrom<Memslot>({
  id: made(count(), "KVM's number of the slot.", ({ id }) => id),
  gpa: made(
    digits((first: number) => digitsOfPage(first, 0)),
    'First guest physical address.',
    ({ first }) => first,
  ),
  size: made(count(4096), 'Size in bytes.', ({ pages }) => pages * 4096),
  hva: made(hex, 'Host virtual address of its first byte.', ({ hva }) => hva),
  flags: made(count(), "The slot's flags (KVM_MEM_...).", ({ flags }) => flags),
  internal: made(
    flag,
    'Whether KVM made the slot for itself: TSS, identity map, APIC access page.',
    ({ internal }) => internal,
  ),
});

/** HVA and HPA are written from page number and offset, without a bigint for each row. */
const hva = nullable(digits(({ page, offset }: Answer) => digitsOfPage(page as number, offset)));
const hpa = nullable(digits(({ frame, offset }: Answer) => digitsOfPage(frame as number, offset)));
const isMapped = ({ answer }: Answered): boolean => answer.state === 'mapped';

const members: readonly Column<Answered>[] = columnsFrom<Answered>({
  gpa: made(
    nullable(digits((written: string) => written)),
    'The guest physical address; null if the text is not an address.',
    (row: Answered) => row.digits,
  ),
  hva: made(hva, 'Host virtual address; null if no memslot holds the GPA.', ({ answer }) =>
    answer.page === null ? null : answer,
  ),
  hpa: made(hpa, 'Host physical address; a string if and only if state is mapped.', (row) =>
    isMapped(row) ? row.answer : null,
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
  pid: made(cached(count()), 'Pid of the process that holds the VM.', ({ pid }) => pid),
  vm: made(
    cached(
      record(
        columns<Answered['vm']>({
          fd: [nullable(count()), 'File descriptor of the VM in that process; null if descriptors cannot be read.'],
          kvm: [hex, 'Address of struct kvm.'],
        }),
      ),
    ),
    'The VM.',
    ({ vm }) => vm,
  ),
  addressSpace: made(cached(count()), "KVM's address space: 0, or 1 for SMM.", ({ addressSpace }) => addressSpace),
  slot: made(cached(nullable(record(slot))), 'The memslot that holds the GPA.', ({ answer }) => answer.slot),
  walk: made(walk(), 'The page-table entries that were read, from the top level down.', ({ answer }) => answer.steps),
  swap: made(
    nullable(record(swapPlace)),
    'The place of the page in swap; null unless it has been swapped out.',
    ({ answer }) => answer.swap,
  ),
  page: {
    ...made(
      nullable(record(pageColumns)),
      'The page at the HPA, as the command page describes it; null unless mapped. Only with --facts.',
      ({ page }: Answered) => page,
    ),
    option: 'facts',
  },
});

const when = (member: 'state' | 'reason', value: Schema, then: Schema, otherwise: Schema): Schema => ({
  if: { properties: { [member]: value } },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON schemas, in an object that nobody awaits
  then: { properties: then },
  else: { properties: otherwise },
});
const type = (name: string): Schema => ({ type: name });

/** Dependencies between members. */
const rules: readonly Schema[] = [
  when(
    'state',
    { const: 'mapped' },
    {
      hpa: type('string'),
      hva: type('string'),
      pageSize: type('integer'),
      reason: type('null'),
      message: type('null'),
      frame: type('null'),
      slot: type('object'),
      walk: { minItems: 2 },
    },
    {
      hpa: type('null'),
      pageSize: type('null'),
      protNone: { const: false },
      reason: type('string'),
      message: type('string'),
    },
  ),
  when(
    'state',
    { const: 'swapped' },
    { reason: { const: 'swap-entry' } },
    { reason: { not: { const: 'swap-entry' } } },
  ),
  when('reason', { enum: ['swap-entry', 'shmem-swapped'] }, { swap: type('object') }, { swap: type('null') }),
  when('state', { const: 'invalid' }, { gpa: type('null') }, { gpa: type('string') }),
  when(
    'state',
    { enum: ['no-memslot', 'slots-missing', 'invalid'] },
    { hva: type('null'), slot: type('null') },
    { hva: type('string'), slot: type('object') },
  ),
];

/** A line of `--json` of the main command. Version 1 does not have the member `record`. */
export const translation: RecordKind<Answered> = {
  name: 'output',
  title: 'One line of kvm-vtop --json, version 1',
  tagged: false,
  columns: members,
  rules,
};
