// SPDX-License-Identifier: Apache-2.0
// The record of owner.
import type { DumpImage } from '../dump/image.js';
import type { Host } from '../kernel/host.js';
import type { Owner, ProcessOwner, VmOwner } from '../owners/owner.js';
import type { FrameAnswer } from '../owners/owners.js';
import { PAGE_KINDS } from '../pages/kinds.js';
import { columnsFrom, type Made, made, record } from '../report/columns.js';
import { digitsOfPage } from '../report/hex.js';
import { recordKind } from '../report/records.js';
import { count, digits, flag, hex, list, nullable, oneOf, type Type, text } from '../report/types.js';
import { PageRow } from './page-row.js';
import { pageColumns } from './page-rows.js';

/** An owner, and the byte of the page that was asked for. */
export type Owning<O extends Owner = Owner> = O & { readonly offset: number };

/** A byte of a frame, and who has it. One object is used for all rows. */
export class OwnerRow {
  readonly record = 'owner';
  readonly page: PageRow;
  owners: readonly Owning[] = [];
  /** Whether no other owner can be hidden by what the dump lacks. */
  complete = true;
  problems: readonly string[] = [];

  /** Throws `DumpError` if the kernel's struct pages can't be found. */
  constructor(host: Host, image: DumpImage) {
    this.page = new PageRow(host, image);
  }

  /** Sets the owners of the page that `page` was set to. */
  set({ owners, complete, problems }: FrameAnswer): this {
    const { offset } = this.page;
    this.owners = owners.map((owner) => ({ ...owner, offset }));
    this.complete = complete;
    this.problems = problems;
    return this;
  }

  /** Whether all owners are known, and the page is. */
  get isWhole(): boolean {
    return this.complete && this.problems.length === 0 && this.page.problems.length === 0;
  }
}

const STATES = ['mapped', 'poisoned', 'migrating', 'not-present'] as const;
const at = <O extends Owner>(page: (owner: O) => number): Type<Owning<O>> =>
  digits((owner) => digitsOfPage(page(owner), owner.offset));
const whole = <T>(type: Type<T>, doc: string): Made<T> => made(type, doc, (owner) => owner);
const state = made(
  oneOf(...STATES),
  'What its page-table entry does with the frame: mapped, or it names the frame only: poisoned (memory error), migrating, not-present (a device has the page).',
  (owner: Owner) => owner.state,
);

const vmColumns = columnsFrom<Owning<VmOwner>>({
  kind: made(oneOf('vm'), 'A VM that has the frame as guest memory.', ({ kind }) => kind),
  kvm: made(hex, 'Address of struct kvm.', ({ kvm }) => kvm),
  pid: made(nullable(count()), 'The pid to give with -g; null if it is not known.', ({ pid }) => pid),
  name: made(nullable(text), "The guest's name; null if it has none, or it is not in the dump.", ({ name }) => name),
  addressSpace: made(count(), "KVM's address space: 0, or 1 for SMM.", ({ addressSpace }) => addressSpace),
  slot: made(count(), "KVM's number of the slot.", ({ slot }) => slot),
  gpa: whole(
    at(({ gpa }) => gpa),
    'Guest physical address of the byte.',
  ),
  hva: whole(
    at(({ hva }) => hva),
    'Host virtual address of the byte.',
  ),
  state,
});

const processColumns = columnsFrom<Owning<ProcessOwner>>({
  kind: made(oneOf('process'), 'A process that has the frame in its own memory.', ({ kind }) => kind),
  pid: made(nullable(count()), 'Its pid; null if no process is known to have this memory.', ({ pid }) => pid),
  comm: made(nullable(text), 'Its name; null if no process is known to have this memory.', ({ comm }) => comm),
  hva: whole(
    at(({ hva }) => hva),
    'Virtual address of the byte.',
  ),
  file: made(
    nullable(text),
    'Path of the file, [heap], [stack] or [vdso]; null for other memory, or if it is not known.',
    ({ file }) => file,
  ),
  state,
  sharedWith: made(
    list(count()),
    'Pids of further processes that share the memory (CLONE_VM); the kernel counts it once.',
    ({ sharedWith }) => sharedWith,
  ),
});

const vm = record(vmColumns);
const process = record(processColumns);
const isVm = (owner: Owning): owner is Owning<VmOwner> => owner.kind === 'vm';

/** A VM or a process. In CSV, each column has a value for each owner: an empty one if owners of its kind do not have it. */
const owner: Type<Owning> = {
  json: (each) => (isVm(each) ? vm.json(each) : process.json(each)),
  cells: cellsOf(),
  schema: { oneOf: [vm.schema, process.schema] },
};

function cellsOf(): Type<Owning>['cells'] {
  const names = [...new Set([...vm.cells, ...process.cells].map(({ name }) => name))];
  return names.map((name) => {
    const [ofVm, ofProcess] = [vm, process].map(({ cells }) => cells.find((cell) => cell.name === name)) as [
      (typeof vm.cells)[number] | undefined,
      (typeof process.cells)[number] | undefined,
    ];
    const isText = ofVm?.quoted !== undefined || ofProcess?.quoted !== undefined;
    const textOf = (each: Owning): string => (isVm(each) ? ofVm?.text(each) : ofProcess?.text(each)) ?? '';
    const quotedOf = (each: Owning): string =>
      (isVm(each) ? ofVm?.quoted?.(each) : ofProcess?.quoted?.(each)) ?? 'null';
    return { name, text: textOf, ...(isText ? { quoted: quotedOf } : {}) };
  });
}

export const ownerKind = recordKind<OwnerRow>(
  'owner',
  'A byte of physical memory, and the VMs and processes that have its page.',
  columnsFrom<OwnerRow>({
    hpa: made(
      digits(({ facts: { frame }, offset }: PageRow) => digitsOfPage(frame, offset)),
      'Host physical address.',
      ({ page }) => page,
    ),
    frame: made(hex, 'Frame number: the address divided by 4096.', ({ page }) => page.facts.frame),
    kind: made(oneOf(...PAGE_KINDS), 'What the page is.', ({ page }) => page.facts.kind),
    owners: made(list(owner), 'Everyone who has the page: VMs first, then processes.', ({ owners }) => owners),
    complete: made(flag, 'False if what the dump lacks may hide owners.', ({ complete }) => complete),
    page: made(record(pageColumns), 'The record of page, without the member record.', ({ page }) => page),
    problems: made(list(text), 'What could not be read, and why.', ({ problems }) => problems),
  }),
);
