// SPDX-License-Identifier: Apache-2.0
import type { State } from '../core/outcome.js';
import { printable } from '../core/text.js';
import type { Vma } from '../kernel/vma.js';
import type { GuestStep } from '../paging/guest-walker.js';
import type { Answer, WalkStep } from '../translate/answer.js';
import type { Surroundings } from '../translate/surroundings.js';
import { centre } from './centre.js';
import { digitsOf, digitsOfPage, digitsOfWords } from './hex.js';

/** The labels and columns of crash 9, or those of the crash extension of 2012. */
export type Style = 'crash' | '2012';

const ADDRESS_WIDTH = 16;
const SIZES: Readonly<Record<number, string>> = { 4096: '', [2 ** 21]: '(2MB', [2 ** 30]: '(1GB' };

/** Names of the bits of an entry, in the order in which crash prints them (arch/x86/include/asm/pgtable_types.h). */
const FLAGS: readonly (readonly [string, number])[] = [
  ['PRESENT', 0x1],
  ['RW', 0x2],
  ['USER', 0x4],
  ['PWT', 0x8],
  ['PCD', 0x10],
  ['ACCESSED', 0x20],
  ['DIRTY', 0x40],
];

/** The text for one GPA: the lines of the crash extension of 2012, followed by those of crash's vtop. */
export const block = (gpa: string, answer: Answer, around: Surroundings, style: Style): string =>
  sections(heading(gpa, answer, around), answer, around, style);

/** The text for a virtual address of a process: the lines of crash's vtop. */
export const processBlock = (hva: string, answer: Answer, around: Surroundings): string =>
  sections(row('VIRTUAL', 'PHYSICAL') + row(hva, physical(answer, around)), answer, around, 'crash');

/** States in which it is not known whether a guest maps an address. */
const UNKNOWN: ReadonlySet<State> = new Set<State>(['table-missing', 'damaged']);

/** The text for a virtual address of a guest: the entries of its page tables, by the names of the processor's manuals. */
export const guestBlock = (gva: string, gpa: string | null, state: State, steps: readonly GuestStep[]): string =>
  row('GUEST VIRTUAL', 'GUEST PHYSICAL') +
  row(gva, gpa ?? (UNKNOWN.has(state) ? '(not known)' : '(not mapped)')) +
  steps
    .map(({ table, address, hi, lo }) => `${table.padStart(6)}: ${digitsOf(address)} => ${digitsOfWords(hi, lo)}\n`)
    .join('');

/** The text for the same address in a machine of which the host is a guest: its addresses, and the walk. */
export const outerBlock = (gpa: string, answer: Answer): string =>
  [heading(gpa, answer, NOWHERE), tables(answer, NOWHERE, 'crash')].filter((part) => part !== '').join('\n');

/** Surroundings of which nothing is known. */
export const NOWHERE: Surroundings = {
  vma: null,
  vmaKnown: false,
  file: '',
  page: null,
  zeroPage: false,
  resource: null,
  memoryDigits: 0,
  encryption: 0n,
};

function sections(title: string, answer: Answer, around: Surroundings, style: Style): string {
  const parts = [
    title,
    tables(answer, around, style),
    entry(answer, around),
    mapping(around),
    where(answer, around, style),
    device(around),
  ];
  const text = parts.filter((part) => part !== '').join('\n');
  return style === 'crash' ? text : text.replace(/ +$/gm, '');
}

const row = (...cells: readonly string[]): string => `${cells.map((cell) => cell.padEnd(ADDRESS_WIDTH)).join('  ')}\n`;

function heading(gpa: string, answer: Answer, around: Surroundings): string {
  const hva = answer.page === null ? '-' : digitsOfPage(answer.page, answer.offset);
  return row('GUEST PHYSICAL', 'HOST VIRTUAL', 'HOST PHYSICAL') + row(gpa, hva, physical(answer, around));
}

/** crash prints one of two phrases for a page without an address; states that it does not distinguish are printed by name. */
function physical({ state, frame, offset }: Answer, { vma, vmaKnown }: Surroundings): string {
  if (state === 'mapped') return digitsOfPage(frame as number, offset);
  if (state === 'not-present' && vma === null && vmaKnown) return '(not accessible)';
  return state === 'swapped' || state === 'not-present' ? '(not mapped)' : `(${state})`;
}

function tables(answer: Answer, around: Surroundings, style: Style): string {
  const { steps } = answer;
  if (steps.length === 0) return '';
  const lines = steps.map(
    (step, i) =>
      `   ${style === '2012' && i === 0 ? 'PML' : step.level}: ${digitsOf(step.address)} => ${entryDigits(step, around)}\n`,
  );
  if (answer.state === 'mapped')
    lines.push(`  PAGE: ${digitsOfPage(leafFrame(answer), 0)}  ${pageNote(answer, around)}\n`);
  return lines.join('');
}

function entryDigits({ hi, lo }: WalkStep, { encryption }: Surroundings): string {
  const high = Number(encryption >> 32n);
  return digitsOfWords((hi & ~high) >>> 0, lo);
}

function pageNote({ pageSize }: Answer, { zeroPage }: Surroundings): string {
  const size = SIZES[pageSize ?? 0] ?? '';
  if (zeroPage) return size === '' ? '(ZERO PAGE)' : `${size}, ZERO PAGE)`;
  return size === '' ? '' : `${size})`;
}

/** First frame of the page that the leaf entry maps. */
function leafFrame({ frame, pageSize }: Answer): number {
  const pages = (pageSize as number) / 4096;
  return Math.floor((frame as number) / pages) * pages;
}

/** The lowest entry: its page and flags, or the place of the page in swap. Empty for an empty entry. */
function entry(answer: Answer, around: Surroundings): string {
  const step = answer.steps.at(-1);
  if (step === undefined) return '';
  const raw = entryDigits(step, around);
  const width = Math.max(raw.length, 3);
  if (answer.state === 'swapped' && answer.swap !== null) {
    const device = deviceOf(answer.swap);
    const offset = String(answer.swap.offset);
    const widths = [Math.max(device.length, 4), Math.max(offset.length, 6)] as const;
    return (
      `${centre('PTE', width)}  ${centre('SWAP', widths[0])}  ${centre('OFFSET', widths[1])}\n` +
      `${centre(raw, width, 'left')}  ${centre(device, widths[0], 'left')}  ${centre(offset, widths[1], 'left')}\n`
    );
  }
  if (answer.state !== 'mapped') return '';
  const leaf = digitsOfPage(leafFrame(answer), 0);
  const wide = Math.max(leaf.length, 8);
  return `${centre('PTE', width)}  ${centre('PHYSICAL', wide)}  FLAGS\n${centre(raw, width, 'left')}  ${centre(leaf, wide, 'left')}  (${flagNames(step)})\n`;
}

/** The path of a swap device. It comes from the dump, so it is made printable. */
const deviceOf = ({ device, type }: NonNullable<Answer['swap']>): string =>
  device === null ? `(type ${type})` : printable(device, 4096);

function flagNames({ hi, lo }: WalkStep): string {
  const present = (lo & 1) !== 0;
  const names = FLAGS.filter(([, bit]) => (lo & bit) !== 0).map(([name]) => name);
  if (present && (lo & 0x80) !== 0) names.push('PSE');
  if (!present && (lo & 0x100) !== 0) names.push('PROTNONE');
  if ((lo & 0x100) !== 0) names.push('GLOBAL');
  if (hi >>> 31 === 1) names.push('NX');
  return names.join('|');
}

function mapping({ vma, file }: Surroundings): string {
  if (vma === null) return '';
  const fields = [vma.address, vma.start, vma.end, vma.flags].map((value) => value.toString(16)).join(' ');
  return `      VMA           START       END     FLAGS FILE\n${fields} ${file}\n`;
}

/** What has the address of device memory, with its range as in /proc/iomem. */
function device({ resource }: Surroundings): string {
  if (resource === null) return '';
  if (resource === 'none') return 'DEVICE: (no resource)\n';
  const { name, start, end } = resource;
  return `DEVICE: ${printable(name)}  RANGE: ${start.toString(16).padStart(8, '0')}-${end.toString(16).padStart(8, '0')}\n`;
}

/** Offset in the mapped file of the page that contains the HVA, in bytes. */
const fileOffset = ({ page }: Answer, { start, pgoff }: Vma): string =>
  ((pgoff + BigInt(page as number)) * 4096n - start).toString(16);

/** The struct page of the frame, or the place in swap or in a file where the contents of the page are. */
function where(answer: Answer, around: Surroundings, style: Style): string {
  if (answer.state === 'swapped' && answer.swap !== null)
    return `SWAP: ${deviceOf(answer.swap)}  OFFSET: ${answer.swap.offset}\n`;
  const { page, vma, file, memoryDigits } = around;
  if (answer.state === 'not-present' && vma !== null && file !== '')
    return `FILE: ${file}  OFFSET: ${fileOffset(answer, vma)}\n`;
  if (page === null || answer.frame === null) return '';
  const leaf = digitsOfPage(answer.frame, 0);
  const width = Math.max(8, style === 'crash' ? memoryDigits : leaf.length);
  const flags = `${page.flags.toString(16)}${style === 'crash' && page.flagNames.length > 0 ? ` ${page.flagNames.map((name) => printable(name)).join(',')}` : ''}`;
  return (
    `${centre('PAGE', 16)} ${centre('PHYSICAL', width, 'left')} ${centre('MAPPING', 16, 'left')}   INDEX CNT FLAGS\n` +
    `${page.address.toString(16)} ${leaf.padStart(width)} ${page.mapping.toString(16).padStart(16)} ` +
    `${page.index.toString(16).padStart(8)} ${String(page.count).padStart(2)} ${flags}\n`
  );
}
