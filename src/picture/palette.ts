// SPDX-License-Identifier: Apache-2.0
// What the colours mean. They were chosen by their distance in normal vision, protanopia, deuteranopia and tritanopia, which
// test/unit/picture/palette.test.ts measures.
import type { Reason, State } from '../core/outcome.js';
import { NOWHERE, type PageClass, type Picture } from '../html/format.js';
import { size } from '../report/table.js';

/** A colour on a light and on a dark page, as #rrggbb. */
export interface Colour {
  readonly light: string;
  readonly dark: string;
}

export const COLOURINGS = ['state', 'size', 'node'] as const;
/** What the colours show. */
export type Colouring = (typeof COLOURINGS)[number];

export const COLOURING_NAMES: Readonly<Record<Colouring, string>> = {
  state: 'State',
  size: 'Page size',
  node: 'NUMA node',
};

/** An entry of the legend. */
export interface Category {
  /** Identifies it among the categories of its colouring. */
  readonly key: string;
  readonly name: string;
  readonly colour: Colour;
  /** Categories are listed by rank. */
  readonly rank: number;
}

const EMPTY: Colour = { light: '#ccd3da', dark: '#46505a' };
const UNKNOWN: Colour = { light: '#14181c', dark: '#ffffff' };
/** Memory of which the dump does not show what became of it. */
const NOT_KNOWN = 'not known';

interface Look {
  readonly rank: number;
  readonly name: string;
  readonly colour: Colour;
}

const unknown: Look = { rank: 9, name: NOT_KNOWN, colour: UNKNOWN };

const STATES: Readonly<Record<State, Look>> = {
  mapped: { rank: 0, name: 'resident', colour: { light: '#2f7fc1', dark: '#3d8fd6' } },
  swapped: { rank: 2, name: 'swapped', colour: { light: '#e69f00', dark: '#f0ad1f' } },
  'not-present': { rank: 8, name: 'not mapped', colour: EMPTY },
  'guest-memfd': { rank: 3, name: 'in guest_memfd', colour: { light: '#1c6046', dark: '#75fca5' } },
  marker: { rank: 4, name: 'marker', colour: { light: '#590677', dark: '#9425ab' } },
  migrating: { rank: 5, name: 'migrating', colour: { light: '#a86c7e', dark: '#b5788a' } },
  poisoned: { rank: 6, name: 'poisoned', colour: { light: '#a71400', dark: '#dc2100' } },
  'table-missing': unknown,
  'slots-missing': unknown,
  noncanonical: unknown,
  damaged: unknown,
  moved: unknown,
  'no-memslot': unknown,
  invalid: unknown,
};
/** Reasons of which more is known than of the state. */
const REASONS: Readonly<Partial<Record<Reason, Look>>> = {
  'in-page-cache': { rank: 7, name: 'not mapped, in the page cache', colour: { light: '#f5e4b5', dark: '#81884b' } },
  'shmem-swapped': { rank: 2, name: 'swapped', colour: { light: '#e69f00', dark: '#f0ad1f' } },
  'page-cache-unreadable': unknown,
  // Pages that were never mapped are not in one picture with these.
  'address-space-gone': { rank: 8, name: 'not mapped, the process exited', colour: EMPTY },
  'gmem-attribute-unreadable': unknown,
};
const PROT_NONE: Look = { rank: 1, name: 'resident, PROT_NONE', colour: { light: '#85bcf5', dark: '#abc0d7' } };
/** States that are rare, or that need attention. */
const LOUD: ReadonlySet<State> = new Set<State>([
  'poisoned',
  'migrating',
  'table-missing',
  'damaged',
  'moved',
  'noncanonical',
]);

/** From small to large pages the colours get darker, on a dark page lighter. */
const SIZES: Readonly<Record<number, Colour>> = {
  4096: { light: '#f0b64d', dark: '#b3701c' },
  [2 ** 21]: { light: '#2f8f83', dark: '#35a99b' },
  [2 ** 30]: { light: '#3b1f6b', dark: '#d7c6ff' },
};

/** For up to eight nodes; then the colours begin again. */
const NODES: readonly Colour[] = [
  { light: '#004c79', dark: '#076aac' },
  { light: '#d07c00', dark: '#fa9802' },
  { light: '#008663', dark: '#00a367' },
  { light: '#952812', dark: '#952f09' },
  { light: '#8056e0', dark: '#997fff' },
  { light: '#e9ce46', dark: '#ffed99' },
  { light: '#66bef9', dark: '#91ddff' },
  { light: '#b17d9f', dark: '#d899ae' },
];

const category = (key: string, { name, colour, rank }: Look): Category => ({ key, name, colour, rank });
const notResident = category('none', { rank: 10000, name: 'not resident', colour: EMPTY });

/** The category of a class in a colouring. */
export function categoryOf(of: PageClass, colouring: Colouring): Category {
  const { state, protNone, pageSize, node } = of;
  if (colouring === 'state') {
    const look = lookOf(of) ?? (state === 'mapped' && protNone ? PROT_NONE : STATES[state]);
    return category(look.name, look);
  }
  if (state !== 'mapped') return notResident;
  if (colouring === 'size') {
    const colour = SIZES[pageSize ?? 0] ?? UNKNOWN;
    return category(`${pageSize}`, { rank: Math.log2(pageSize ?? 1), name: size(pageSize ?? 0), colour });
  }
  if (node === null) return category('no node', { rank: 9999, name: 'no node, or not known', colour: UNKNOWN });
  return category(`${node}`, { rank: node, name: `node ${node}`, colour: NODES[node % NODES.length] as Colour });
}

/** Whether pages of a class must not be hidden by others. */
export const isLoud = (of: PageClass): boolean => LOUD.has(of.state) || lookOf(of) === unknown;

const lookOf = ({ reason }: PageClass): Look | undefined =>
  reason === null ? undefined : (REASONS as Readonly<Partial<Record<string, Look>>>)[reason];

/** A category that occurs, and its bytes. */
export interface LegendEntry extends Category {
  readonly bytes: number;
}

/** The legend of a colouring: the categories that occur. */
export function legendOf({ classes }: Picture, colouring: Colouring): LegendEntry[] {
  const entries = new Map<string, LegendEntry>();
  for (const [number, each] of classes.entries()) {
    if (number === NOWHERE || each.pages === 0) continue;
    const found = categoryOf(each, colouring);
    const before = entries.get(found.key)?.bytes ?? 0;
    entries.set(found.key, { ...found, bytes: before + each.pages * 4096 });
  }
  return [...entries.values()].sort((a, b) => a.rank - b.rank);
}

/** Red, green and blue of #rrggbb. */
export const channels = (colour: string): [number, number, number] => {
  const value = Number.parseInt(colour.slice(1), 16);
  return [value >> 16, (value >> 8) & 0xff, value & 0xff];
};

/** The colour of text on a colour, black or white, which has the higher contrast (WCAG 2.2, relative luminance). */
export function textOn(colour: readonly number[]): string {
  const [red, green, blue] = colour.map((channel) => linear(channel / 255)) as [number, number, number];
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return (luminance + 0.05) ** 2 > 1.05 * 0.05 ? '#000000' : '#ffffff';
}

const linear = (channel: number): number => (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4);
