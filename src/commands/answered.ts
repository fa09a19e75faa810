// SPDX-License-Identifier: Apache-2.0
// The record of the main command: version 1 of --json.
import { REASONS, type Reason, STATES, type State } from '../core/outcome.js';
import { printable } from '../core/text.js';
import type { Memslot } from '../kvm/memslots/slot.js';
import type { Selected } from '../kvm/select.js';
import type { GuestStep } from '../paging/guest-walker.js';
import { type Column, columns, columnsFrom, made, record, steady } from '../report/columns.js';
import { digitsOfPage, digitsOfWords } from '../report/hex.js';
import type { RecordKind } from '../report/records.js';
import { cached, count, digits, flag, hex, list, nullable, oneOf, type Schema, text } from '../report/types.js';
import type { Answer } from '../translate/answer.js';
import { addresses } from './addresses.js';
import { pageSizes, swapPlace, walk } from './answer-columns.js';
import type { BadLine } from './command.js';
import type { PageRow } from './page-row.js';
import { pageColumns } from './page-rows.js';

/** An address and its answer. One object is reused for all rows: writers must not keep it. */
export class Answered {
  /** Hexadecimal digits of the address; null if the text is not an address. */
  digits: string | null = null;
  /** The line, if it is not an address; else null. */
  wrong: BadLine | null = null;
  answer: Answer = invalid(null);
  /** With --facts: the page at the host physical address; null if there is none. */
  page: PageRow | null = null;
  /** With --gva: the guest virtual address in hexadecimal digits, and the entries of the guest's page tables. */
  gva: string | null = null;
  guestSteps: readonly GuestStep[] = [];
  /** With --guest: the same address in each machine that the host is a guest of, from the nearest to the dumped one. */
  through: readonly Through[] = [];
  /** What `version` stands for; null unless the last page was mapped. */
  #last: Mapped | null = null;
  #version = 0;
  readonly pid: number;
  readonly vm: { readonly fd: number | null; readonly kvm: bigint };

  constructor(
    { pid, fd, vm }: Selected,
    readonly addressSpace: number,
  ) {
    this.pid = pid;
    this.vm = { fd, kvm: vm.address };
  }

  /**
   * A number that changes whenever the members from `state` to `swap` do. It stays the same while addresses are in one mapped page, as those
   * in a large page are.
   */
  get version(): number {
    const { answer } = this;
    const last = this.#last;
    if (answer.state !== 'mapped') this.#last = null;
    else if (last === null || !isLike(answer, last)) this.#last = mappedOf(answer);
    else return this.#version;
    return ++this.#version;
  }

  set(digits: string, answer: Answer): this {
    return this.#set(digits, null, answer);
  }

  /** An answer to a guest virtual address. `gpa`: null if the guest does not map it. */
  setVirtual(gva: string, steps: readonly GuestStep[], gpa: string | null, answer: Answer): this {
    [this.gva, this.guestSteps] = [gva, steps];
    return this.#set(gpa, null, answer);
  }

  /** An answer to a line that is not an address. */
  setInvalid(wrong: BadLine): this {
    [this.gva, this.guestSteps] = [null, []];
    return this.#set(null, wrong, invalid(addresses.invalid(printable(wrong.text))));
  }

  #set(digits: string | null, wrong: BadLine | null, answer: Answer): this {
    this.digits = digits;
    this.wrong = wrong;
    this.answer = answer;
    return this;
  }
}

/** What the text of a mapped page is made of, but for its addresses. */
type Mapped = Pick<Answer, 'slot' | 'pageSize' | 'protNone' | 'steps'>;

const mappedOf = ({ slot, pageSize, protNone, steps }: Answer): Mapped => ({ slot, pageSize, protNone, steps });

const isLike = (one: Mapped, other: Mapped): boolean =>
  one.steps === other.steps &&
  one.slot === other.slot &&
  one.pageSize === other.pageSize &&
  one.protNone === other.protNone;

/** The answer to text that is not an address. */
export const invalid = (message: string | null): Answer => unanswered('invalid', 'not-hexadecimal', message);

/** An answer without a memslot. */
export const unanswered = (state: State, reason: Reason, message: string | null): Answer => ({
  state,
  reason,
  message,
  slot: null,
  page: null,
  offset: 0,
  frame: null,
  pageSize: null,
  protNone: false,
  steps: [],
  swap: null,
});

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

const asWritten = nullable(digits((written: string) => written));

const guestStep = columnsFrom<GuestStep>({
  table: made(text, 'The table, as in the manuals of the processor: PML5, PML4, PDPT, PD, PT.', (step) => step.table),
  gpa: made(hex, 'Guest physical address of the entry.', ({ address }) => address),
  entry: made(
    digits(({ hi, lo }: GuestStep) => digitsOfWords(hi, lo)),
    'The entry.',
    (step) => step,
  ),
});

/** An address of a guest in its machine. */
export interface Through {
  /** Page number and offset of the guest physical address. */
  readonly gfn: number;
  readonly answer: Answer;
}

const throughColumns = columnsFrom<Through>({
  gpa: made(
    digits(({ gfn, answer }: Through) => digitsOfPage(gfn, answer.offset)),
    'The address as a guest physical address of this machine: what is a host physical address to its guest.',
    (row) => row,
  ),
  hva: made(hva, 'Host virtual address; null if no memslot holds the GPA.', ({ answer }) =>
    answer.page === null ? null : answer,
  ),
  hpa: made(hpa, 'Host physical address; null unless mapped.', ({ answer }) =>
    answer.state === 'mapped' ? answer : null,
  ),
  state: made(oneOf(...STATES), 'Result of the translation.', ({ answer }) => answer.state),
  reason: made(nullable(oneOf(...REASONS)), 'Why there is no HPA; null if mapped.', ({ answer }) => answer.reason),
  message: made(nullable(text), 'The reason in words; not to be parsed.', ({ answer }) => answer.message),
  pageSize: made(
    nullable(pageSizes),
    'Bytes that the leaf entry maps; null unless mapped.',
    ({ answer }) => answer.pageSize,
  ),
  walk: made(walk(), 'The page-table entries that were read, from the top level down.', ({ answer }) => answer.steps),
});

const places: readonly Column<Answered>[] = columnsFrom<Answered>({
  gva: made(
    asWritten,
    'The guest virtual address; null if the text is not an address. Only with --gva.',
    (row: Answered) => row.gva,
    'gva',
  ),
  gpa: made(
    asWritten,
    'The guest physical address; null if the text is not an address, and with --gva if the guest does not map it.',
    (row: Answered) => row.digits,
  ),
  hva: made(hva, 'Host virtual address; null if no memslot holds the GPA.', ({ answer }) =>
    answer.page === null ? null : answer,
  ),
  hpa: made(hpa, 'Host physical address; a string if and only if state is mapped.', (row) =>
    isMapped(row) ? row.answer : null,
  ),
});

/** What neighbouring addresses tend to have in common. */
const results: readonly Column<Answered>[] = columnsFrom<Answered>({
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
});

const further: readonly Column<Answered>[] = columnsFrom<Answered>({
  through: made(
    list(record(throughColumns)),
    'The host physical address in each machine that the host is a guest of, from the nearest on: that of the last one is in the machine of the dump. Empty unless mapped. Only with --guest.',
    ({ through }: Answered) => through,
    'guest',
  ),
  guestWalk: made(
    list(record(guestStep)),
    "The entries of the guest's page tables that were read, from the top level down. Only with --gva.",
    ({ guestSteps }: Answered) => guestSteps,
    'gva',
  ),
  page: made(
    nullable(record(pageColumns)),
    'The page at the HPA, as the command page describes it; null unless mapped. Only with --facts.',
    ({ page }: Answered) => page,
    'facts',
  ),
});

const members = [...places, ...steady(({ version }) => version, results), ...further];

const when = (member: 'state' | 'reason', value: Schema, then: Schema, otherwise: Schema): Schema =>
  ifThen({ properties: { [member]: value } }, then, otherwise);

const ifThen = (condition: Schema, then: Schema, otherwise: Schema): Schema => ({
  if: condition,
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON schemas, in an object that nobody awaits
  then: { properties: then },
  else: { properties: otherwise },
});
const type = (name: string): Schema => ({ type: name });

/** With --gva: the guest does not map the address. */
const NOT_IN_GUEST: Schema = { required: ['reason'], properties: { reason: { type: 'string', pattern: '^gva-' } } };

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
  ifThen(
    { anyOf: [{ properties: { state: { const: 'invalid' } } }, NOT_IN_GUEST] },
    { gpa: type('null') },
    { gpa: type('string') },
  ),
  ifThen(
    { anyOf: [{ properties: { state: { enum: ['no-memslot', 'slots-missing', 'moved', 'invalid'] } } }, NOT_IN_GUEST] },
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
