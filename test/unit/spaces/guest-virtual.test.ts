// SPDX-License-Identifier: Apache-2.0
// A guest's virtual memory: its tables are in memory that has gaps, and so are the pages to which they lead.
import { describe, expect, test } from '@jest/globals';
import { selectVm } from '../../../src/kvm/select.js';
import type { Paging } from '../../../src/paging/architecture.js';
import { GuestSpace } from '../../../src/spaces/guest-space.js';
import { GuestVirtual } from '../../../src/spaces/guest-virtual.js';
import { type Pages, pagesOf, pieces } from '../../../src/spaces/reading.js';
import { isGap } from '../../../src/spaces/space.js';
import { SyntheticHost } from '../../build/host.js';
import { PAGE, swapEntry } from '../../build/memory.js';
import { HVA, slot } from '../../build/translators.js';

/** Frames of the guest, of 0x40. Those from 0x30 on are in swap; 0x2f is not in the dump. */
const HOST = 0x5000;
const [PML4, PDPT, PD, PT, SWAPPED, LEFT_OUT] = [1, 2, 3, 4, 0x30, 0x2f];

function guest(): GuestSpace {
  const host = new SyntheticHost();
  host.swapArea(0);
  const { tables } = host.vmm(191, [slot(0, 0n, 0x40n)]);
  for (let i = 0; i < 0x40; i++)
    if (i >= SWAPPED) tables.set(HVA + BigInt(i) * PAGE, 0, swapEntry(0, BigInt(i)));
    else {
      tables.map(HVA + BigInt(i) * PAGE, HOST + i);
      host.memory.frames.set(HOST + i, i > PT ? Buffer.alloc(4096, `guest page ${i} `) : new Uint8Array(4096));
    }
  host.memory.gaps.set(HOST + LEFT_OUT, { reason: 'excluded', message: 'left out' });
  const entry = (table: number, index: number, value: bigint): void => {
    host.memory.writeU64(BigInt(HOST + table) * PAGE + BigInt(index * 8), value);
  };
  const to = (frame: number, bits = 7n): bigint => (BigInt(frame) << 12n) | bits;
  entry(PML4, 0, to(PDPT));
  entry(PML4, 1, to(SWAPPED));
  entry(PML4, 255, to(0x200));
  entry(PML4, 256, to(PDPT));
  entry(PDPT, 0, to(PD));
  entry(PDPT, 1, to(LEFT_OUT));
  entry(PDPT, 2, to(0, 0x2087n));
  entry(PD, 0, to(PT));
  entry(PD, 1, to(0, 0x87n));
  entry(PD, 3, to(SWAPPED + 1));
  const pages = [8, 9, 0, LEFT_OUT, SWAPPED + 2, 0x77, 10, 10];
  for (const [i, frame] of pages.entries()) if (frame !== 0) entry(PT, i, to(frame));
  return new GuestSpace(selectVm(host.open(), '191', null).vm, 0);
}

const LONG: Paging = { mode: '4-level', root: PML4 * 4096, hasLargePages: false };
const MIB2 = 512;
const GIB = 2 ** 18;

/** A page's contents, or the reason why there are none. */
function contentsOf(memory: Pages, page: number): string {
  const bytes = memory.bytes(page);
  return isGap(bytes) ? bytes.reason : Buffer.from(bytes.buffer, bytes.byteOffset, 13).toString().trim();
}

test('contents, and the reasons why there are none, of the guest and of the host', () => {
  const memory = new GuestVirtual(guest(), LONG);
  const found = Array.from({ length: 10 }, (_, page) => contentsOf(memory, page));
  expect(found).toEqual([
    ...[
      'guest page 8',
      'guest page 9',
      'gva-not-present',
      'excluded',
      'swap-entry',
      'no-slot',
      'guest page 10',
      'guest page 10',
    ],
    ...['gva-not-present', 'gva-not-present'],
  ]);
  const others: [number, string][] = [
    [MIB2 + 8, 'guest page 8'],
    [MIB2 + 0x3f, 'swap-entry'],
    [MIB2 + 0x40, 'no-slot'],
    [2 * MIB2, 'gva-not-present'],
    [3 * MIB2, 'gva-table-missing'],
    [GIB, 'gva-table-missing'],
    [2 * GIB, 'gva-reserved-bits'],
    [2 ** 27, 'gva-table-missing'],
    [2 ** 35 - 1, 'gva-table-missing'],
    [2 ** 35, 'gva-noncanonical'],
    [2 ** 52 - 2 ** 35 - 1, 'gva-noncanonical'],
    [2 ** 52 - 2 ** 35, 'guest page 8'],
    [2 ** 52 - 1, 'gva-not-present'],
  ];
  for (const [page, expected] of others) expect([page, contentsOf(memory, page)]).toEqual([page, expected]);
});

test('messages name the table, where it is, and why it is missing', () => {
  const memory = new GuestVirtual(guest(), LONG);
  const messageOf = (page: number): string => memory.faultOf(memory.walk(page))?.message ?? '';
  expect(messageOf(3 * MIB2)).toMatch(/^the guest's PT table at guest physical address 0x31000: .*swap/);
  expect(messageOf(GIB)).toBe("the guest's PD table at guest physical address 0x2f000: left out");
  expect(messageOf(2 ** 35 - 1)).toMatch(/^the guest's PDPT table at guest physical address 0x200000: .*memslot/);
  expect(messageOf(2)).toBe('not mapped by the guest: its PT entry is not present');
  expect(messageOf(2 * MIB2)).toBe('not mapped by the guest: its PD entry is not present');
  expect(messageOf(2 * GIB)).toBe('its PDPT entry in the guest has reserved bits set');
  expect(messageOf(2 ** 35)).toBe('not a linear address of a guest with 4-level paging');
  expect(messageOf(0)).toBe('');
  // Guest frame 0 is a page of zeros.
  const empty = new GuestVirtual(guest(), { ...LONG, root: 0 });
  expect(empty.faultOf(empty.walk(3))).toEqual({
    state: 'damaged',
    reason: 'gva-table-empty',
    message:
      "the guest's PML4 table at guest physical address 0x0 maps nothing, not even the code that ran: CR3 or this page is wrong",
  });
});

describe('the pages up to the end of a gap have no bytes, for the same reason', () => {
  const borders = [
    0,
    MIB2,
    2 * MIB2,
    3 * MIB2,
    4 * MIB2,
    GIB,
    2 * GIB,
    3 * GIB,
    2 ** 27,
    2 ** 28,
    2 ** 34,
    2 ** 35,
    2 ** 36,
  ];
  const places = borders
    .flatMap((at) => [at, 2 ** 52 - at])
    .flatMap((at) => Array.from({ length: 24 }, (_, i) => at + i - 12));
  const asked = [...new Set(places)].filter((page) => page >= 0 && page < 2 ** 52);
  test.each<[string, (space: GuestSpace) => Pages]>([
    ['4 levels', (space) => new GuestVirtual(space, LONG)],
    ['5 levels', (space) => new GuestVirtual(space, { ...LONG, mode: '5-level' })],
    ['a top table that is missing', (space) => new GuestVirtual(space, { ...LONG, root: SWAPPED * 4096 })],
    ['no paging', (space) => new GuestVirtual(space, { mode: 'none', root: 0, hasLargePages: false })],
    ['PAE', (space) => new GuestVirtual(space, { mode: 'pae', root: PDPT * 4096, hasLargePages: false })],
    ['32-bit', (space) => new GuestVirtual(space, { mode: '32-bit', root: PT * 4096, hasLargePages: true })],
    ['guest physical memory', pagesOf],
  ])('%s', (_, of) => {
    const memory = of(guest());
    const reason = (page: number): string => {
      const bytes = memory.bytes(page);
      return isGap(bytes) ? bytes.reason : 'bytes';
    };
    for (const page of asked) {
      const own = reason(page);
      if (own === 'bytes') continue;
      const next = memory.gapEnd(page, 2 ** 52);
      expect(next).toBeGreaterThan(page);
      expect(next).toBeLessThanOrEqual(2 ** 52);
      const inside = asked.filter((other) => other >= page && other < next).concat(next - 1);
      expect([page, [...new Set(inside.map(reason))]]).toEqual([page, [own]]);
    }
  });
});

test('the whole of the addresses is read in few steps', () => {
  const memory = new GuestVirtual(guest(), LONG);
  let count = 0;
  const counted: Pages = {
    source: 'memory',
    bytes(page) {
      count++;
      return memory.bytes(page);
    },
    gapEnd: (page, end) => memory.gapEnd(page, end),
  };
  const half = 2 ** 47;
  const all = [
    ...pieces(counted, 0, 0, half),
    ...pieces(counted, 2 ** 35, 0, 2 ** 52),
    ...pieces(counted, 2 ** 52 - 2 ** 35, 0, half),
  ];
  expect(all.filter(({ bytes }) => bytes !== null).length).toBeGreaterThan(50);
  expect(count).toBeLessThan(5000);
});
