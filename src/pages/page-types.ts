// SPDX-License-Identifier: Apache-2.0
// Types of pages: pages that are not mapped have a type in place of their _mapcount (include/linux/page-flags.h).

import type { Host } from '../kernel/host.js';
import { valuesOf } from '../types/fields.js';
import { ifAnswered } from '../types/source.js';
import { pageTypes } from './structs.js';

/** A page has a type if its word, masked, has this value. Both are signed 32-bit numbers. */
export interface TypeTest {
  readonly mask: number;
  readonly value: number;
}

export const hasType = (word: number, test: TypeTest | null): boolean =>
  test !== null && (word & test.mask) === test.value;

type TypeName = 'buddy' | 'offline' | 'table' | 'slab' | 'hugetlb';

/** The types of a kernel; null for one that it does not have in this form. */
export interface PageTypes extends Readonly<Record<TypeName, TypeTest | null>> {
  /** Words below this have a type; null if the kernel does not have types, or does not tell them from counts. */
  readonly below: number | null;
}

/** The word of a buddy page up to v4.17, PAGE_BUDDY_MAPCOUNT_VALUE. */
const OLD_BUDDY = -128;
/** PAGE_MAPCOUNT_RESERVE: types are below it, since v4.18. */
const RESERVE = -128;
const BASE = 0xf0000000;
/** The numbers in v6.12, the first kernel that has them in the top byte. Later ones added others. */
const FIRST_TOP_BYTES = new Map([
  ['PGTY_buddy', 0xf0],
  ['PGTY_offline', 0xf1],
  ['PGTY_table', 0xf2],
  ['PGTY_hugetlb', 0xf4],
  ['PGTY_slab', 0xf5],
]);
const NONE = { buddy: null, offline: null, table: null, slab: null, hugetlb: null, below: null };

/**
 * The types in the form that a kernel has: a number in the top byte, since Linux commit 4ffca5a96678 ("mm: support only one
 * page_type per page") (in v6.12); a bit that is cleared, since 6e292b9be7f4 ("mm: split page_type out from _mapcount") (in
 * v4.18); or a negative number.
 */
export function pageTypesOf(host: Host): PageTypes {
  const { types, info } = host;
  const values = ifAnswered(() => valuesOf(types, pageTypes));
  if (values?.has('PGTY_buddy') === true) return topByte(values);
  if (values?.has('PG_buddy') === true)
    return clearedBit((name) => values.get(`PG_${name}`), values.get('PAGE_TYPE_BASE') ?? BASE);
  const recorded = (name: string): number | null => {
    const number = info.number(`PAGE_${name.toUpperCase()}_MAPCOUNT_VALUE`);
    return number === null ? null : Number(BigInt.asIntN(32, number));
  };
  const buddy = recorded('buddy');
  if (buddy !== null && (buddy & 0xffffff) === 0) return topByte(FIRST_TOP_BYTES);
  if (buddy === OLD_BUDDY || (buddy === null && types.member('page', 'page_type') === null))
    return { ...NONE, buddy: { mask: -1, value: OLD_BUDDY }, below: OLD_BUDDY + 1 };
  const table = types.member('page', 'memcg_data') !== null || types.sizeOf('folio') !== null ? 0x200 : 0x400;
  return clearedBit((name) => {
    const value = recorded(name);
    return value === null ? (name === 'table' ? table : name === 'buddy' ? 0x80 : undefined) : ~value;
  }, BASE);
}

function topByte(values: ReadonlyMap<string, number>): PageTypes {
  const of = (name: TypeName): TypeTest | null => {
    const value = values.get(`PGTY_${name}`);
    return value === undefined ? null : { mask: 0xff << 24, value: value << 24 };
  };
  return { ...all(of), below: (values.get('PGTY_mapcount_underflow') ?? 0xff) << 24 };
}

function clearedBit(bitOf: (name: TypeName) => number | undefined, base: number): PageTypes {
  const of = (name: TypeName): TypeTest | null => {
    const bit = bitOf(name);
    return bit === undefined ? null : { mask: base | bit, value: base | 0 };
  };
  return { ...all(of), below: RESERVE };
}

const all = (of: (name: TypeName) => TypeTest | null): Record<TypeName, TypeTest | null> => ({
  buddy: of('buddy'),
  offline: of('offline'),
  table: of('table'),
  slab: of('slab'),
  hugetlb: of('hugetlb'),
});
