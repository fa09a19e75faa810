// SPDX-License-Identifier: Apache-2.0
// The tables on the page of map --html, for a part of the memory, and where the dump does not show what became of pages.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { sizesOf } from '../../src/commands/slots.js';
import { openDump } from '../../src/index.js';
import { Totals } from '../../src/spaces/totals.js';
import { scratch } from '../build/scratch.js';
import { FIXTURES, kvmVtop } from '../run.js';

const { folder } = scratch('map-tables');
const dumpOf = (name: string): string => join(FIXTURES, name, 'vmcore.kdump');
const textOf = (part: string): string => part.replace(/<[^>]*>/g, '');
const parts = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([all, part]) => part ?? all);

/** The cells of the rows of each table. */
const tablesOf = (page: string): string[][][] =>
  parts(page, /<table>.*?<\/table>/gs).map((table) =>
    parts(table, /<tr>(.*?)<\/tr>/gs).map((row) => parts(row, /<t[hd].*?<\/t[hd]>/gs).map(textOf)),
  );

/** The tables of a page, the frames to which their rows lead, and what is not known. */
function pageOf(dump: string, pid: string, ...ranges: readonly string[]) {
  const path = join(folder, 'page.html');
  const { status } = kvmVtop(['map', '-c', dump, '-g', pid, '--force', '--html', path, ...ranges]);
  const text = readFileSync(path, 'utf8');
  return {
    status,
    tables: tablesOf(text),
    captions: parts(text, /<caption>(.*?)<\/caption>/gs),
    shows: parts(text, /data-shows="(\d+)"/g).map(Number),
    limits: parts(text, /<li>(.*?)<\/li>/gs),
  };
}

test('of a part, the sizes are those of what was asked for, and a slot leads to its first page', () => {
  const { status, tables, shows } = pageOf(dumpOf('debian-6.12-map'), '216', '2000-3fff', '4000000+1000');
  const [totals, [heading = [], ...slots] = []] = tables;
  expect(status).toBe(0);
  expect(totals?.[1]).toEqual(['what was asked for', '12 KiB', '12288']);
  expect(heading.slice(3, 7)).toEqual([
    'Size',
    'Asked for',
    'Resident of what was asked for',
    'Swapped of what was asked for',
  ]);
  expect(slots.find(([range]) => range === '0x0 to 0xffff')?.slice(3, 7)).toEqual(['64 KiB', '8 KiB', '8 KiB', '0 B']);
  expect(slots.find(([range]) => range === '0x200000 to 0x203fff')?.slice(3, 7)).toEqual(['16 KiB', '0 B', '', '']);
  expect(shows).toEqual([2, 0x4000]);
});

test('where page tables are missing, no sizes are claimed, as by slots --sizes', () => {
  const { status, tables } = pageOf(dumpOf('debian-5.10'), '132');
  const [, [heading, ...slots] = []] = tables;
  expect(status).toBe(1);
  expect(heading?.slice(3, 6)).toEqual(['Size', 'Resident', 'Swapped']);
  const listed = kvmVtop(['slots', '-c', dumpOf('debian-5.10'), '-g', '132', '--sizes', '--json'])
    .stdout.trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { addressSpace: number; resident: number | null })
    .filter(({ addressSpace }) => addressSpace === 0);
  expect(slots.map(([, , , , ...sizes]) => sizes.slice(0, 2).includes('-'))).toEqual(
    listed.map(({ resident }) => resident === null),
  );
  expect(listed.filter(({ resident }) => resident === null)).toHaveLength(1);
});

test('the library has the sizes that slots --sizes has', async () => {
  const dump = dumpOf('debian-5.10');
  const { stdout } = kvmVtop(['slots', '-c', dump, '-g', '132', '--sizes', '--json']);
  const listed = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { resident: number | null; swapped: number | null });
  using opened = await openDump(dump);
  const rows = [...opened.slots({ process: 132, sizes: true })];
  const sizes = rows.map(({ resident, swapped }) => ({ resident, swapped }));
  expect(sizes).toEqual(listed.map(({ resident, swapped }) => ({ resident, swapped })));
  expect(sizes.some(({ resident }) => resident !== null && resident > 0)).toBe(true);
});

test('how much of a guest_memfd is in memory is not known', () => {
  const sums = new Totals();
  const run = { pageSize: null, node: null, protNone: false, message: null };
  sums.add({ ...run, pages: 1, state: 'mapped', reason: null });
  sums.add({ ...run, pages: 2, state: 'guest-memfd', reason: 'gmem-private' });
  expect(sizesOf(sums)).toEqual({
    resident: null,
    swapped: null,
    problems: ['8192 bytes are in a guest_memfd: whether they are in memory is not known'],
  });
});

describe('an excerpt that has some of the memslots', () => {
  let excerpt: string;
  beforeAll(() => {
    excerpt = join(folder, 'some.kdump');
    // The pages of struct kvm, of mm_struct and of three memslots.
    const made = kvmVtop([
      ...['excerpt', '-c', dumpOf('debian-6.12-map'), '-o', excerpt, '--', 'vcpus', '-g', '195'],
      ...['--', 'phys', '106a000', '--', 'phys', '309a000'],
    ]);
    expect(made.status).toBe(0);
  });

  test('a page of it says in each table what is not known', () => {
    const { status, tables, captions, limits } = pageOf(excerpt, '195');
    const [, [, ...slots] = [], [, ...spaces] = []] = tables;
    expect(status).toBe(1);
    expect(captions).toEqual(['Totals (incomplete)', 'Memslots (others may be missing)', 'Address spaces of the VM']);
    expect(slots).toHaveLength(2);
    for (const [, , , , ...sizes] of slots) expect(sizes.slice(0, 2)).toEqual(['-', '-']);
    expect(spaces).toEqual([
      ['0', '?', '-'],
      ['1 (SMM)', '?', '-'],
    ]);
    expect(limits.filter((text) => text.includes('may be missing'))).toEqual([
      expect.stringMatching(/^memslots may be missing: /),
      expect.stringMatching(/^memslots of address space 1 may be missing: /),
    ]);
  });
});

test('the memory of a process that has exited is not said to be free', () => {
  const path = join(folder, 'exited.html');
  const { stdout } = kvmVtop(['map', '-c', dumpOf('debian-6.12-map'), '-g', '213', '--html', path]);
  expect(stdout).toBe('pid 213: 64 KiB in 1 run\n  not mapped, the process exited  64 KiB\n');
  expect(tablesOf(readFileSync(path, 'utf8'))[0]?.[2]?.[0]).toBe('not mapped, the process exited');
});
