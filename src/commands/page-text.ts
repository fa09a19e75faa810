// SPDX-License-Identifier: Apache-2.0
// The text of page: a paragraph for each address, or a table of the pages of ranges.
import { printable } from '../core/text.js';
import { digitsOf, digitsOfPage, digitsOfWords } from '../report/hex.js';
import type { RowWriter } from '../report/records.js';
import { size, table } from '../report/table.js';
import type { PageRow } from './page-row.js';

/** Longest path or problem that is shown. */
const LONGEST = 400;

/** Writes a table of pages. */
export const pageTable = (): RowWriter<PageRow> =>
  table<PageRow>([
    { heading: 'HOST PHYSICAL', align: 'right', text: ({ facts, offset }) => digitsOfPage(facts.frame, offset) },
    { heading: 'KIND', text: ({ facts }) => facts.kind },
    { heading: 'ORDER', align: 'right', text: ifKnown(({ facts }) => (facts.head === null ? '' : `${facts.order}`)) },
    { heading: 'REFS', align: 'right', text: ifKnown(({ facts }) => `${facts.refcount}`) },
    { heading: 'MAPS', align: 'right', text: ifKnown(({ facts }) => `${facts.kpage.count ?? '?'}`) },
    { heading: 'NODE', align: 'right', text: ifKnown(({ facts }) => `${facts.node ?? ''}`) },
    { heading: 'ZONE', text: ifKnown(({ facts }) => facts.zone ?? '') },
    { heading: 'IN DUMP', text: ({ inDump }) => inDump },
    { heading: 'KPAGEFLAGS', text: ifKnown(({ facts }) => facts.kpageNames.join(',')) },
    { heading: 'MEMCG', text: ifKnown(({ facts }) => printable(facts.memcg ?? '', LONGEST)) },
    { heading: 'FILE', text: ifKnown(fileOf) },
  ]);

/** Writes a paragraph for each page. */
export function pageParagraphs(): RowWriter<PageRow> {
  let isFirst = true;
  return {
    showsProblems: true,
    row(row) {
      const space = isFirst ? '' : '\n';
      isFirst = false;
      return `${space}${pageParagraph(row)}`;
    },
  };
}

/** What is known of a page, a line for each fact. */
export function pageParagraph(row: PageRow): string {
  const { facts, offset, inDump } = row;
  const lines: (readonly [string, string])[] = [
    ['kind', facts.kind],
    ['frame', digitsOf(facts.frame)],
    ...(facts.kind === 'none' ? [] : [['struct page', digitsOfPage(facts.structPage, facts.structOffset)] as const]),
    ...(row.isKnown ? linesOf(row) : []),
    ['in the dump', inDump],
    ...facts.problems.map((problem) => ['not known', printable(problem, LONGEST)] as const),
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  const head = `${digitsOfPage(facts.frame, offset)}\n`;
  return head + lines.map(([name, text]) => `  ${name.padEnd(width)}  ${text}\n`).join('');
}

function linesOf(row: PageRow): (readonly [string, string])[] {
  const { facts } = row;
  const { mapping, swap, sharers } = facts;
  const whole = facts.head === null ? [] : [['compound', compoundOf(row)] as const];
  return [
    ['flags', `${digitsOfWords(facts.flagsHigh, facts.flagsLow)} ${facts.flagNames.join(',')}`.trimEnd()],
    ['kpageflags', `${digitsOfWords(facts.kpage.high, facts.kpage.low)} ${facts.kpageNames.join(',')}`.trimEnd()],
    ...whole,
    ['references', `${facts.refcount}`],
    ['mappings', mappingsOf(row)],
    ...(facts.pins === null || facts.pins === 0 ? [] : [['pins', `${facts.pins}`] as const]),
    ['node, zone', `${facts.node ?? '?'}, ${facts.zone ?? '?'}`],
    ...(facts.memcg === null ? [] : [['memory cgroup', printable(facts.memcg, LONGEST)] as const]),
    ...(mapping === null ? [] : [['mapping', mapping.kind] as const]),
    ...(mapping?.inode == null ? [] : [['file', fileOf(row)] as const]),
    ...(sharers === null ? [] : [['KSM sharers', `${sharers}`] as const]),
    ...(swap === null
      ? []
      : [['swap', `${swap.device === null ? `type ${swap.type}` : printable(swap.device)} ${swap.offset}`] as const]),
    ['gpa_hpa flags', digitsOf(row.gpaHpaFlags)],
  ];
}

function compoundOf({ facts }: PageRow): string {
  const { head, order, huge, isTail, frame } = facts;
  const place = isTail ? `, page ${frame - (head ?? 0)} of it` : '';
  return `${size(4096 * 2 ** order)}${huge === null ? '' : ` (${huge})`} from frame ${digitsOf(head ?? 0)}${place}`;
}

const mappingsOf = ({ facts: { kpage, mapcount, head } }: PageRow): string =>
  `${kpage.count ?? '?'}${head === null ? '' : ` of the page, ${mapcount ?? '?'} of the whole`}`;

/** The path of the file, or its inode, and the offset in it. */
function fileOf({ facts: { mapping } }: PageRow): string {
  if (mapping?.inode == null) return '';
  const name = mapping.path === null ? `inode ${mapping.inode}` : printable(mapping.path, LONGEST);
  return mapping.offset === null ? name : `${name}+${digitsOf(mapping.offset)}`;
}

const ifKnown =
  (text: (row: PageRow) => string): ((row: PageRow) => string) =>
  (row) =>
    row.isKnown ? text(row) : '';
