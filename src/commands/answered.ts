// SPDX-License-Identifier: Apache-2.0
// The record of the main job: version 1 of --json.
import { REASONS, STATES } from '../core/outcome.js';
import { printable } from '../core/text.js';
import type { Memslot } from '../kvm/memslots/slot.js';
import type { Selected } from '../kvm/select.js';
import { type Column, columns, columnsFrom, made, record } from '../report/columns.js';
import { digitsOfPage, digitsOfWords } from '../report/hex.js';
import type { RecordKind } from '../report/records.js';
import {
  cached,
  count,
  digits,
  flag,
  hex,
  list,
  nullable,
  numberOf,
  oneOf,
  type Schema,
  type Type,
  text,
} from '../report/types.js';
import type { Answer, WalkStep } from '../translate/answer.js';

/** An address that was asked and its answer. One object serves many: the writers are done with it before the next. */
export class Answered {
  /** Hexadecimal digits of the address; null for text that is not one. */
  digits: string | null = null;
  /** That text. */
  text = '';
  answer: Answer = invalid('');
  readonly pid: number;
  readonly vm: { readonly fd: number | null; readonly kvm: bigint };

  constructor(
    { pid, fd, vm }: Selected,
    readonly addressSpace: number,
  ) {
    this.pid = pid;
    this.vm = { fd, kvm: vm.address };
  }

  set(digits: string | null, text: string, answer: Answer): this {
    this.digits = digits;
    this.text = text;
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

/** What surrounds such an answer. */
export const NOTHING = {
  vma: null,
  vmaKnown: false,
  file: '',
  page: null,
  zeroPage: false,
  memoryDigits: 0,
  encryption: 0n,
};

const LEVELS = ['PGD', 'P4D', 'PUD', 'PMD', 'PTE'] as const;
const self = <T>(value: T): T => value;

const step = columnsFrom<WalkStep>({
  level: made(oneOf(...LEVELS) as Type<string>, 'Which table the entry is in.', ({ level }) => level),
  address: made(hex, 'Physical address of the entry.', ({ address }) => address),
  entry: made(
    digits(({ hi, lo }: WalkStep) => digitsOfWords(hi, lo)),
    'The entry as it is in memory.',
    self<WalkStep>,
  ),
});

/** Neighbouring addresses share the upper steps of their walks: each level's text is kept until it changes. */
function walk(): Type<readonly WalkStep[]> {
  const whole = list(record(step), { maxItems: LEVELS.length });
  const write = record(step).json;
  const last: WalkStep[] = [];
  const texts: string[] = [];
  const json = (steps: readonly WalkStep[]): string => {
    let written = '';
    for (let i = 0; i < steps.length; i++) {
      const now = steps[i] as WalkStep;
      const before = last[i];
      if (
        before?.address !== now.address ||
        before.lo !== now.lo ||
        before.hi !== now.hi ||
        before.level !== now.level
      ) {
        last[i] = now;
        texts[i] = write(now);
      }
      written += i === 0 ? (texts[i] as string) : `,${texts[i] as string}`;
    }
    return `[${written}]`;
  };
  return { ...whole, json };
}

const slot = columnsFrom<Memslot>({
  id: made(count(), 'Its number in KVM.', ({ id }) => id),
  gpa: made(
    digits((first: number) => digitsOfPage(first, 0)),
    'First guest physical address.',
    ({ first }) => first,
  ),
  size: made(count(4096), 'Bytes.', ({ pages }) => pages * 4096),
  hva: made(hex, 'Host virtual address of its first byte.', ({ hva }) => hva),
  flags: made(count(), 'KVM_MEM_ bits.', ({ flags }) => flags),
  internal: made(flag, "One of KVM's own: TSS, identity map, APIC access page.", ({ internal }) => internal),
});

const swap = columns<NonNullable<Answer['swap']>>({
  type: [count(0, { maximum: 31 }), 'Number of the swap area.'],
  offset: [count(), 'Pages from its start.'],
  device: [nullable(text), 'Path of its device or file; null if it cannot be read.'],
});

/** The three addresses of a line, from page numbers and an offset: no bigint is made for a row. */
const hva = nullable(digits(({ page, offset }: Answer) => digitsOfPage(page as number, offset)));
const hpa = nullable(digits(({ frame, offset }: Answer) => digitsOfPage(frame as number, offset)));
const isMapped = ({ answer }: Answered): boolean => answer.state === 'mapped';
const SIZES = numberOf(4096, 2 ** 21, 2 ** 30);

const members: readonly Column<Answered>[] = columnsFrom<Answered>({
  gpa: made(nullable(digits(self<string>)), 'The address asked; null if it is not one.', (row: Answered) => row.digits),
  hva: made(hva, 'Host virtual address; null if no memslot holds the GPA.', ({ answer }) =>
    answer.page === null ? null : answer,
  ),
  hpa: made(hpa, 'Host physical address; a string if and only if state is mapped.', (row) =>
    isMapped(row) ? row.answer : null,
  ),
  state: made(oneOf(...STATES), 'What became of the address.', ({ answer }) => answer.state),
  reason: made(nullable(oneOf(...REASONS)), 'Why there is no HPA; null if mapped.', ({ answer }) => answer.reason),
  message: made(nullable(text), 'The same for people; not to be parsed.', ({ answer }) => answer.message),
  pageSize: made(
    nullable(SIZES),
    'Bytes that the leaf entry maps; null unless mapped.',
    ({ answer }) => answer.pageSize,
  ),
  protNone: made(
    flag,
    'The leaf entry is PROT_NONE: the page is in memory, marked not present.',
    ({ answer }) => answer.protNone,
  ),
  frame: made(
    nullable(hex),
    'A page frame number that the entry names although the page is not mapped there now.',
    (row) => (isMapped(row) ? null : row.answer.frame),
  ),
  pid: made(cached(count()), 'The process that holds the VM.', ({ pid }) => pid),
  vm: made(
    cached(
      record(
        columns<Answered['vm']>({
          fd: [
            nullable(count()),
            'The descriptor by which that process holds the VM; null if descriptors cannot be read.',
          ],
          kvm: [hex, 'Address of struct kvm.'],
        }),
      ),
    ),
    'The VM.',
    ({ vm }) => vm,
  ),
  addressSpace: made(cached(count()), "KVM's address space: 0, or 1 for SMM.", ({ addressSpace }) => addressSpace),
  slot: made(cached(nullable(record(slot))), 'The memslot that holds the GPA.', ({ answer }) => answer.slot),
  walk: made(walk(), 'The page-table entries that were read, from the top.', ({ answer }) => answer.steps),
  swap: made(nullable(record(swap)), 'Where in swap the page is; null unless swapped.', ({ answer }) => answer.swap),
});

const when = (state: Schema, then: Schema, otherwise: Schema): Schema => ({
  if: { properties: { state } },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON schemas, in an object that nobody awaits
  then: { properties: then },
  else: { properties: otherwise },
});
const type = (name: string): Schema => ({ type: name });

/** What the members have to do with each other. */
const rules: readonly Schema[] = [
  when(
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
  when({ const: 'swapped' }, { swap: type('object') }, { swap: type('null') }),
  when({ const: 'invalid' }, { gpa: type('null') }, { gpa: type('string') }),
  when(
    { enum: ['no-memslot', 'slots-missing', 'invalid'] },
    { hva: type('null'), slot: type('null') },
    { hva: type('string'), slot: type('object') },
  ),
];

/** A line of the main job's --json: version 1 has no member `record`. */
export const translation: RecordKind<Answered> = {
  name: 'output',
  title: 'One line of kvm-vtop --json, version 1',
  tagged: false,
  columns: members,
  rules,
};
