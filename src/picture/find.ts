// SPDX-License-Identifier: Apache-2.0
// Searches the map for an address.
import { parseAddress } from '../core/text.js';
import type { Picture } from '../html/format.js';
import type { Runs } from './runs.js';

export const KINDS = ['gpa', 'hva', 'hpa'] as const;
/** What an address is. */
export type AddressKind = (typeof KINDS)[number];

/** A guest physical address that was found. */
export interface Hit {
  readonly kind: AddressKind;
  readonly page: number;
  readonly offset: number;
}

export interface Hits {
  readonly hits: readonly Hit[];
  /** How many there are; `hits` has the first ones. */
  readonly count: number;
}

/** More hits than this are counted only: a page that KSM merged can be at thousands of addresses. */
const LISTED = 200;
/** Milliseconds of work after which the browser may do something else. */
const WORKED = 12;
/** First page number that a guest physical address can't have. */
const BEYOND = 2 ** 40;

/** Page number and offset of an address in hexadecimal, with or without 0x; null for other text. */
export function addressIn(text: string): { page: number; offset: number } | null {
  const asked = parseAddress(text.trim().replaceAll(/[_`]/g, ''));
  if (asked === null || asked.digits.length > 16) return null;
  return { page: Number.parseInt(asked.digits.slice(0, -3) || '0', 16), offset: asked.offset };
}

/** Finds an address as each of `kinds`. `isWanted`: false ends the search, with null. */
export async function find(
  { picture, runs }: { readonly picture: Picture; readonly runs: Runs },
  { page, offset }: { readonly page: number; readonly offset: number },
  kinds: readonly AddressKind[],
  isWanted: () => boolean,
): Promise<Hits | null> {
  const hits: Hit[] = [];
  let count = 0;
  const add = (kind: AddressKind, found: number): void => {
    count++;
    if (hits.length < LISTED) hits.push({ kind, page: found, offset });
  };
  if (kinds.includes('gpa') && page < BEYOND && isIn(picture, page)) add('gpa', page);
  if (kinds.includes('hva'))
    for (const slot of picture.slots)
      if (page >= slot.page && page < slot.page + slot.pages) add('hva', slot.first + page - slot.page);
  if (!kinds.includes('hpa')) return { hits, count };
  const isHpa = picture.classes.map(({ place }) => place === 'hpa');
  let rested = performance.now();
  for (let i = 0; i < runs.blocks.length; ) {
    const block = runs.read(i);
    if (block === null || performance.now() - rested > WORKED) {
      await rest();
      if (!isWanted()) return null;
      rested = performance.now();
    }
    if (block === null) continue;
    i++;
    block.holding(
      page,
      (number) => isHpa[number] === true,
      ({ first, place }) => {
        add('hpa', first + page - (place ?? 0));
      },
    );
  }
  return { hits, count };
}

const rest = (): Promise<void> => new Promise((done) => setTimeout(done, 0));

const isIn = ({ slots }: Picture, page: number): boolean =>
  slots.some(({ first, pages }) => page >= first && page < first + pages);
