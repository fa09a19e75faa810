// SPDX-License-Identifier: Apache-2.0
// What is known of a page, in words.
import { NOWHERE, type PageClass, type Picture, type PictureSlot } from '../html/format.js';
import { digitsOfPage } from '../report/hex.js';
import { size } from '../report/table.js';
import type { FoundRun } from './runs.js';

/** A line about a page. Those that are addresses or commands can be copied. */
export interface Fact {
  readonly name: string;
  readonly value: string;
  readonly copied?: true;
}

/** A byte of a page, its run and its slot; null where there is none. */
export interface Place {
  readonly page: number;
  readonly offset: number;
  readonly run: FoundRun | null;
  readonly slot: PictureSlot | null;
  /** Whether the browser has read the places of the runs. */
  readonly isRead: boolean;
}

export const hex = (page: number, offset = 0): string => `0x${digitsOfPage(page, offset)}`;

/** Everything that the page knows about an address. */
export function factsOf(picture: Picture, place: Place): Fact[] {
  const { page, offset, slot } = place;
  const gpa = hex(page, offset);
  const found = classOf(picture, place);
  return [
    { name: 'GPA', value: gpa, copied: true },
    ...(slot === null ? [] : [{ name: 'HVA', value: hvaOf(place, slot), copied: true } as const]),
    ...(found === null ? [] : placeFacts(place, found)),
    { name: 'State', value: stateOf(picture, place) },
    ...(found === null ? [] : kindFacts(found)),
    ...(slot === null ? [] : [{ name: 'Slot', value: `${slot.id}: ${slot.backing}` }]),
    ...runFacts(place, found),
    { name: 'Command', value: `${picture.question} ${gpa.slice(2)}`, copied: true },
  ];
}

/** One line about an address, for the pointer and for screen readers. */
export function sentenceOf(picture: Picture, place: Place): string {
  const found = classOf(picture, place);
  const { slot, page, offset } = place;
  const hpa = found?.place === 'hpa' ? `, HPA ${hpaOf(place) ?? missing(place)}` : '';
  const hva = slot === null ? '' : `, HVA ${hvaOf(place, slot)}`;
  const kind = found?.pageSize == null ? '' : `, page of ${size(found.pageSize)}`;
  const node = found?.node == null ? '' : `, node ${found.node}`;
  return `GPA ${hex(page, offset)}${hva}${hpa}: ${stateOf(picture, place)}${kind}${node}`;
}

/** The class of a page; null if it is not in the map. */
function classOf({ classes }: Picture, { run }: Place): PageClass | null {
  return run === null || run.class === NOWHERE ? null : (classes[run.class] ?? null);
}

const hvaOf = ({ page, offset }: Place, slot: PictureSlot): string => hex(slot.page + page - slot.first, offset);

/** The place of the page; null if the page has none, or if this file lacks it. */
const numberOf = ({ page, run }: Place): number | null =>
  run === null || run.place === null ? null : run.place + page - run.first;

function hpaOf(place: Place): string | null {
  const frame = numberOf(place);
  return frame === null ? null : hex(frame, place.offset);
}

const missing = ({ isRead }: Place): string => (isRead ? 'not in this page' : 'still being read');

function placeFacts(place: Place, { place: kind, swap }: PageClass): Fact[] {
  const number = numberOf(place);
  switch (kind) {
    case 'hpa':
      if (number !== null) return [copied('HPA', hex(number, place.offset))];
      return [{ name: 'HPA', value: `${missing(place)}; the command gives it` }];
    case 'swap': {
      const area = swap?.device ?? `area ${swap?.type}`;
      return [{ name: 'Swap', value: number === null ? area : `${area}, page ${number}` }];
    }
    case 'entry':
      return number === null ? [] : [copied('Frame', hex(number))];
    case null:
      return [];
  }
}

const copied = (name: string, value: string): Fact => ({ name, value, copied: true });

function stateOf(picture: Picture, place: Place): string {
  const found = classOf(picture, place);
  if (found === null) return place.slot === null ? 'in no memslot' : 'not in the ranges that were asked for';
  const { state, reason, protNone, mixed } = found;
  const word = (reason === null ? undefined : picture.words[reason]) ?? picture.words[state] ?? state;
  const more = protNone ? ' (PROT_NONE)' : reason === null ? '' : ` (${reason})`;
  return mixed ? `several; most pages of these 2 MiB: ${word}${more}` : `${word}${more}`;
}

const kindFacts = ({ pageSize, node }: PageClass): Fact[] => [
  ...(pageSize === null ? [] : [{ name: 'Page size', value: size(pageSize) }]),
  ...(node === null ? [] : [{ name: 'NUMA node', value: `${node}` }]),
];

/** The run that holds the page, as far as it is in the page's slot. */
function runFacts({ run, slot }: Place, found: PageClass | null): Fact[] {
  if (run === null || slot === null || found === null) return [];
  const first = Math.max(run.first, slot.first);
  const pages = Math.min(run.first + run.pages, slot.first + slot.pages) - first;
  return [{ name: 'Run', value: `${hex(first)} to ${hex(first + pages - 1, 0xfff)}, ${size(pages * 4096)}` }];
}
