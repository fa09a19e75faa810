// SPDX-License-Identifier: Apache-2.0
// The record of page, which is also a member of the main command's record with --facts.

import type { FrameGap } from '../core/memory.js';
import type { PageFacts, PageMapping } from '../pages/facts.js';
import { MAPPING_KINDS, PAGE_KINDS } from '../pages/kinds.js';
import type { SwapEntry } from '../pages/swap-cache.js';
import { columns, columnsFrom, made, record, steady } from '../report/columns.js';
import { digitsOfPage, digitsOfWords } from '../report/hex.js';
import { recordKind } from '../report/records.js';
import { cached, count, digits, flag, hex, list, nullable, oneOf, remembered, text, word } from '../report/types.js';
import type { PageRow } from './page-row.js';

/** Why bytes of a page are not in the dump, or `yes`. */
const IN_DUMP = ['yes', 'excluded', 'outside', 'cut-off', 'undecodable', 'unreadable', 'absent'] as const;
export type InDump = 'yes' | FrameGap['reason'];

/** A value of a page whose struct page was read; null for other pages. */
const known =
  <T>(of: (facts: PageFacts, row: PageRow) => T): ((row: PageRow) => T | null) =>
  (row) =>
    row.isKnown ? of(row.facts, row) : null;

const compound = columnsFrom<PageFacts>({
  head: made(hex, 'Frame of the head.', ({ head }) => head as number),
  order: made(count(0, { maximum: 18 }), 'It has 2^order pages.', ({ order }) => order),
  tail: made(flag, 'Whether the page is not the head.', ({ isTail }) => isTail),
});

const mapping = columns<PageMapping>({
  kind: [oneOf(...MAPPING_KINDS), 'What the mapping of its struct page points to.'],
  inode: [nullable(count()), "Number of the file's inode; null unless the page belongs to a file."],
  path: [nullable(cached(text)), 'Path of the file; null if it is not known.'],
  offset: [nullable(count()), 'Offset of the page in the file, in bytes; null unless the page belongs to a file.'],
});

const ksm = columnsFrom<number>({
  sharers: made(count(), 'Number of mappings of the merged page.', (sharers) => sharers),
});

const swap = columns<SwapEntry>({
  type: [count(0, { maximum: 31 }), 'Number of the swap area.'],
  offset: [count(), 'Offset in the swap area, in pages.'],
  device: [nullable(text), 'Path of the swap device or file; null if it cannot be read.'],
});

const placeColumns = columnsFrom<PageRow>({
  hpa: made(
    digits(({ facts: { frame }, offset }: PageRow) => digitsOfPage(frame, offset)),
    'Host physical address.',
    (row) => row,
  ),
  frame: made(hex, 'Frame number: the address divided by 4096.', ({ facts }) => facts.frame),
  struct: made(
    nullable(digits(({ structPage, structOffset }: PageFacts) => digitsOfPage(structPage, structOffset))),
    'Address of its struct page; null if it has none.',
    ({ facts }: PageRow) => (facts.kind === 'none' ? null : facts),
  ),
});

const factColumns = columnsFrom<PageRow>({
  kind: made(oneOf(...PAGE_KINDS), 'What the page is.', ({ facts }) => facts.kind),
  flags: made(
    nullable(digits(({ flagsHigh, flagsLow }: PageFacts) => digitsOfWords(flagsHigh, flagsLow))),
    'The flags of its own struct page.',
    known((facts) => facts),
  ),
  flagNames: made(
    nullable(remembered(list(word))),
    'Names of the flags that are set.',
    known(({ flagNames }) => flagNames),
  ),
  kpageflags: made(
    nullable(digits(({ kpage }: PageFacts) => digitsOfWords(kpage.high, kpage.low))),
    'The word of /proc/kpageflags; null if unknown.',
    ({ facts }: PageRow) => (facts.kind === 'unknown' ? null : facts),
  ),
  kpageflagNames: made(
    nullable(remembered(list(word))),
    'Names of its bits, as page-types has them.',
    ({ facts: { kind, kpageNames } }: PageRow) => (kind === 'unknown' ? null : kpageNames),
  ),
  kpagecount: made(
    nullable(count()),
    'The value of /proc/kpagecount: mappings of the page.',
    ({ facts: { kind, kpage } }: PageRow) => (kind === 'unknown' ? null : kpage.count),
  ),
  refcount: made(
    nullable(count(-(2 ** 31))),
    'References to the page, or to the compound page.',
    known(({ refcount }) => refcount),
  ),
  mapcount: made(
    nullable(count(-(2 ** 31))),
    'Mappings of the page, or of the compound page and its parts.',
    known(({ mapcount }) => mapcount),
  ),
  pinned: made(
    nullable(count(-(2 ** 31))),
    'Pins (pin_user_pages); null if the kernel does not count them.',
    known(({ pins }) => pins),
  ),
  compound: made(
    nullable(record(compound)),
    'The compound page that it is a part of; null if it is not a part of one.',
    known((facts) => (facts.head === null ? null : facts)),
  ),
  huge: made(
    nullable(oneOf('thp', 'hugetlb')),
    'The kind of huge page; transparent huge pages are of any order above 0.',
    known(({ huge }) => huge),
  ),
  node: made(
    nullable(count()),
    'NUMA node.',
    known(({ node }) => node),
  ),
  zone: made(
    nullable(cached(text)),
    'Name of the zone.',
    known(({ zone }) => zone),
  ),
  memcg: made(
    nullable(cached(text)),
    'Path of the memory cgroup that is charged; null if none is.',
    known((facts) => facts.memcg),
  ),
  mapping: made(
    nullable(record(mapping)),
    'What the mapping of its struct page says; null if nothing, or if the word means something else.',
    known((facts) => facts.mapping),
  ),
  ksm: made(
    nullable(record(ksm)),
    'Of a page that KSM merged; null for other pages.',
    known(({ sharers }) => sharers),
  ),
  swap: made(
    nullable(record(swap)),
    'The place in swap of a page in the swap cache; null for other pages.',
    known((facts) => facts.swap),
  ),
  gpaHpaFlags: made(
    nullable(hex),
    'The word of the gpa_hpa hypercall: bit 0, compound; bit 1, mapped; bits 2 to 6, order.',
    known((_, row) => row.gpaHpaFlags),
  ),
  inDump: made(oneOf(...IN_DUMP), "Whether the page's bytes are in the dump, or why not.", ({ inDump }) => inDump),
  problems: made(remembered(list(text)), 'What could not be read, and why.', ({ problems }) => problems),
});

export const pageColumns = [...placeColumns, ...steady(({ version }) => version, factColumns)];

export const page = recordKind<PageRow>('page', 'A physical page of the host.', pageColumns);
