// SPDX-License-Identifier: Apache-2.0
// The text of owner: a paragraph for each address, or a table of the owners of many pages.
import { printable } from '../core/text.js';
import type { ProcessOwner, VmOwner } from '../owners/owner.js';
import { digitsOf, digitsOfPage } from '../report/hex.js';
import type { RowWriter } from '../report/records.js';
import { table } from '../report/table.js';
import type { OwnerRow, Owning } from './owner-rows.js';

/** Longest path or problem that is shown. */
const LONGEST = 400;

/** A line of the table: a page, and one of its owners. */
interface Line {
  readonly row: OwnerRow;
  /** Null if the page has no owner. */
  readonly owner: Owning | null;
}

/** Writes a table with a line for each owner; pages that nobody has have a line, too. */
export function ownerTable(): RowWriter<OwnerRow> {
  const lines = table<Line>([
    { heading: 'HOST PHYSICAL', align: 'right', text: ({ row }) => hpaOf(row) },
    { heading: 'KIND', text: ({ row }) => row.page.facts.kind },
    { heading: 'COUNT', align: 'right', text: ({ row }) => countOf(row) },
    { heading: 'PID', align: 'right', text: ({ owner }) => (owner === null ? '' : `${owner.pid ?? '-'}`) },
    { heading: 'OWNER', text: ({ row, owner }) => (owner === null ? nobody(row) : `${kindOf(owner)}${nameOf(owner)}`) },
    { heading: 'GUEST PHYSICAL', align: 'right', text: ({ owner }) => (owner?.kind === 'vm' ? gpaOf(owner) : '') },
    { heading: 'SPACE', align: 'right', text: ({ owner }) => (owner?.kind === 'vm' ? `${owner.addressSpace}` : '') },
    { heading: 'VIRTUAL', align: 'right', text: ({ owner }) => (owner === null ? '' : hvaOf(owner)) },
    { heading: 'STATE', text: ({ row, owner }) => `${owner?.state ?? ''}${row.complete ? '' : ' incomplete'}`.trim() },
    { heading: 'FILE', text: ({ owner }) => (owner?.kind === 'process' ? fileOf(owner) : '') },
  ]);
  return {
    row: (row) =>
      (row.owners.length === 0 ? [null] : row.owners).map((owner) => lines.row({ row, owner }) as string).join(''),
    end: () => lines.end?.() ?? '',
  };
}

/** Writes a paragraph for each page. */
export function ownerParagraphs(): RowWriter<OwnerRow> {
  let isFirst = true;
  return {
    showsProblems: true,
    row(row) {
      const space = isFirst ? '' : '\n';
      isFirst = false;
      return `${space}${paragraph(row)}`;
    },
  };
}

function paragraph(row: OwnerRow): string {
  const { facts, inDump } = row.page;
  const { mapping } = facts;
  const lines: (readonly [string, string])[] = [
    ['kind', facts.kind],
    ['frame', digitsOf(facts.frame)],
    ...(row.page.isKnown && mapping?.path != null ? [['file', printable(mapping.path, LONGEST)] as const] : []),
    ...(row.page.isKnown ? [['mappings', `${facts.kpage.count ?? '?'}`] as const] : []),
    ['in the dump', inDump],
    ...row.owners.map((owner) => [owner.kind === 'vm' ? 'VM' : 'process', ownerText(owner)] as const),
    ...(row.owners.length === 0 ? [['owners', nobody(row)] as const] : []),
    ...(row.complete ? [] : [['incomplete', 'other owners may be missing'] as const]),
    ...[...row.problems, ...row.page.problems].map((text) => ['not known', printable(text, LONGEST)] as const),
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  return `${hpaOf(row)}\n${lines.map(([name, text]) => `  ${name.padEnd(width)}  ${text}\n`).join('')}`;
}

function ownerText(owner: Owning): string {
  const state = owner.state === 'mapped' ? '' : `, ${owner.state}`;
  const who = `${nameOf(owner)}${owner.pid === null ? '' : `, pid ${owner.pid}`}`;
  if (owner.kind === 'process') {
    const file = fileOf(owner);
    return `${who}, virtual ${hvaOf(owner)}${file === '' ? '' : `, ${file}`}${state}`;
  }
  const space = owner.addressSpace === 0 ? '' : ` in address space ${owner.addressSpace}`;
  return `${who}, guest physical ${gpaOf(owner)}${space}, slot ${owner.slot}, virtual ${hvaOf(owner)}${state}`;
}

const hpaOf = ({ page: { facts, offset } }: OwnerRow): string => digitsOfPage(facts.frame, offset);
const hvaOf = ({ hva, offset }: Owning): string => digitsOfPage(hva, offset);
const gpaOf = ({ gpa, offset }: Owning<VmOwner>): string => digitsOfPage(gpa, offset);
const countOf = ({ page }: OwnerRow): string => (page.isKnown ? `${page.facts.kpage.count ?? '?'}` : '');
const nobody = ({ complete }: OwnerRow): string => (complete ? 'nobody' : 'not known');

const kindOf = ({ kind }: Owning): string => (kind === 'vm' ? 'VM ' : '');

function nameOf(owner: Owning): string {
  if (owner.kind === 'process') return owner.comm === null ? '(no process)' : processName(owner);
  return owner.name === null ? `kvm ${owner.kvm.toString(16)}` : printable(owner.name);
}

const processName = ({ comm, sharedWith }: ProcessOwner): string =>
  `${printable(comm ?? '')}${sharedWith.length === 0 ? '' : ` (shared with ${sharedWith.join(' ')})`}`;
const fileOf = ({ file }: ProcessOwner): string => (file === null ? '' : printable(file, LONGEST));
