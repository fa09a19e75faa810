// SPDX-License-Identifier: Apache-2.0
// The memory of a guest, in the fixture with pages that a process of the guest wrote: at the start of each page a value, and its
// complement in the last four bytes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { kdump } from '../build/files.js';
import { contentsOf, wishOf } from '../build/recoded.js';
import { lineProblems, recordProblems } from '../build/schema.js';
import { scratch } from '../build/scratch.js';
import { FIXTURES, kvmVtop, type Run } from '../run.js';

const FOLDER = join(FIXTURES, 'debian-7.2-guest');
const DUMP = join(FOLDER, 'vmcore.kdump');

interface Page {
  readonly gva: string;
  readonly gpa: string;
  readonly value: string;
}
interface Pair {
  readonly page: Page;
  readonly next: Page;
}
const { name, vcpu, pages } = JSON.parse(readFileSync(join(FOLDER, 'guest.json'), 'utf8')) as {
  name: string;
  vcpu: number;
  pages: readonly Page[];
};

/** A line of --json. */
type Line = Readonly<Record<string, unknown>> & { readonly record: string };

const run = (command: string, ...options: string[]): Run => kvmVtop([command, '-c', DUMP, '-g', name, ...options]);
const main = (...options: string[]): Run => kvmVtop(['-c', DUMP, '-g', name, ...options]);
const linesOf = ({ stdout }: Run) =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
const VIRTUAL = ['--gva', '--vcpu', `${vcpu}`];
const wordOf = (value: bigint): string => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(Number(BigInt.asUintN(32, value)));
  return bytes.toString('hex');
};
const plus = (address: string, bytes: number): string => (BigInt(address) + BigInt(bytes)).toString(16);
/** The first four bytes of a page, and its last four. */
const startOf = ({ value }: Page): string => wordOf(BigInt(value));
const endOf = ({ value }: Page): string => wordOf(~BigInt(value));

/** Pages whose successor in the guest's physical memory was written, too, and that successor. */
const pairs = pages.flatMap((page): Pair[] => {
  const next = pages.find(({ gpa }) => BigInt(gpa) === BigInt(page.gpa) + 4096n);
  return next === undefined ? [] : [{ page, next }];
});

/** The bytes of the rows of a hex dump. */
const bytesOf = (text: string): string =>
  text
    .split('\n')
    .map((line) =>
      line
        .slice(line.indexOf(': ') + 2)
        .slice(0, 39)
        .replaceAll(' ', ''),
    )
    .join('');

test('the fixture has pages, some of which follow each other', () => {
  expect(pages.length).toBeGreaterThan(70);
  expect(pairs.length).toBeGreaterThan(50);
});

describe('read', () => {
  test('the start and the end of each page, many ranges in one run', () => {
    const ranges = pages.flatMap(({ gpa }) => [`${gpa}+4`, `${plus(gpa, 4092)}+4`]);
    const { status, stdout, stderr } = run('read', '-p', ...ranges);
    expect([status, stderr]).toEqual([0, '']);
    // Ranges that follow each other share a row.
    expect(bytesOf(stdout)).toBe(pages.map((page) => startOf(page) + endOf(page)).join(''));
  });

  test('guest virtual memory is the same memory', () => {
    const physical = run('read', '-p', ...pages.map(({ gpa }) => `${gpa}+1000`), '--binary');
    const virtual = run('read', ...VIRTUAL, '-p', ...pages.map(({ gva }) => `${gva}+1000`), '--binary');
    expect([physical.status, virtual.status]).toEqual([0, 0]);
    expect(virtual.stdout.length).toBe(physical.stdout.length);
    expect(virtual.stdout === physical.stdout).toBe(true);
  });

  test('and so is that of the process', () => {
    const [{ page }] = pairs as [Pair, ...Pair[]];
    const [answer] = linesOf(main('-p', page.gpa, '--json'));
    const { status, stdout } = run('read', '--hva', '-n', '4', '-p', String(answer?.hva));
    expect([status, bytesOf(stdout)]).toEqual([0, startOf(page)]);
  });

  test('a range over the border of two pages', () => {
    const [{ page, next }] = pairs as [Pair, ...Pair[]];
    const { stdout } = run('read', '-p', `${plus(page.gpa, 4092)}+8`);
    expect(stdout).toBe(
      `${plus(page.gpa, 4092).padStart(8, '0')}: ${`${endOf(page)}${startOf(next)}`.replace(/(....)/g, '$1 ')}${' '.repeat(21)}${ascii(endOf(page) + startOf(next))}\n`,
    );
  });

  const ascii = (digits: string): string =>
    Buffer.from(digits, 'hex')
      .toString('latin1')
      .replace(/[^\x20-\x7e]/g, '.');

  test('bytes that are not there have a line with the number and the reason, and are never zeros', () => {
    const { status, stdout } = run('read', '-p', '3289ff0+20', 'fee00000');
    expect(status).toBe(1);
    expect(stdout).toBe(
      [
        '03289ff0: -- 16 bytes swap-entry: the page has been swapped out',
        '0328a000: 9744 6626 0000 0000 0000 0000 0000 0000  .Df&............',
        'fee00000: -- 256 bytes no-slot: no memslot of this address space holds it',
        '',
      ].join('\n'),
    );
  });

  test('a range that is not there at all, however large', () => {
    const { status, stdout } = run('read', '-p', '10000000000+fffffffffff');
    expect(status).toBe(2);
    expect(stdout).toMatch(/^10000000000: -- 17592186044415 bytes no-slot: [^\n]*\n$/);
  });

  test('--binary ends before the first byte that is missing; --fill puts another in its place', () => {
    const [first, second] = ['328aff0+10', '3289ff0+18'];
    const stopped = run('read', '--binary', '-p', first, second, first);
    expect([stopped.status, Buffer.byteLength(stopped.stdout, 'utf8') > 0]).toEqual([1, true]);
    expect(stopped.stderr).toContain('0x3289ff0: 16 bytes are missing: the page has been swapped out');
    const nothing = run('read', '--binary', '-p', second);
    expect([nothing.status, nothing.stdout]).toEqual([2, '']);
    const filled = run('read', '--binary', '--fill', '2a', '-p', second);
    expect([filled.status, filled.stdout.slice(0, 16)]).toEqual([1, '*'.repeat(16)]);
    const long = run('read', '--binary', '--fill', '0x2a', '-p', '10000000000+123456');
    expect([long.status, long.stdout === '*'.repeat(0x123456)]).toEqual([2, true]);
  });

  test('standard input, one range per line', () => {
    const [first, second] = pages as [Page, Page];
    const { status, stdout } = kvmVtop(
      ['read', '-c', DUMP, '-g', name, '-n', '4', '-p', '-'],
      `${first.gpa}\n${second.gpa}+4\n`,
    );
    expect([status, bytesOf(stdout)]).toEqual([0, startOf(first) + startOf(second)]);
  });
});

describe('--gva', () => {
  test('each address leads to the guest physical one, and on to that of the host', () => {
    const physical = linesOf(main('--json', '-p', ...pages.map(({ gpa }) => gpa)));
    const { status, stderr, stdout } = main(...VIRTUAL, '--json', '-p', ...pages.map(({ gva }) => gva));
    expect([status, stderr]).toEqual([0, '']);
    const virtual = linesOf({ status, stderr, stdout });
    expect(virtual.map(({ gva, gpa }) => [gva, gpa])).toEqual(pages.map(({ gva, gpa }) => [gva, gpa]));
    for (const [i, line] of virtual.entries()) {
      expect(lineProblems(line)).toBeNull();
      const { gva, guestWalk, ...rest } = line;
      expect(rest).toEqual(physical[i]);
      const tables = (guestWalk as { table: string }[]).map(({ table }) => table);
      expect([
        ['PML4', 'PDPT', 'PD', 'PT'],
        ['PML4', 'PDPT', 'PD'],
      ]).toContainEqual(tables);
      expect(gva).toBeDefined();
    }
  });

  test('the page that is written down in the walk is the one that the next entry is in', () => {
    const [line] = linesOf(main(...VIRTUAL, '--json', '-p', (pages[0] as Page).gva)) as unknown as [
      { guestWalk: { gpa: string; entry: string }[]; gpa: string },
    ];
    const { guestWalk, gpa } = line;
    const places = [...guestWalk.slice(1).map((step) => step.gpa), gpa].map((at) => BigInt(at) / 4096n);
    expect(guestWalk.map(({ entry }) => (BigInt(entry) & 0xf_ffff_ffff_ffffn) / 4096n)).toEqual(places);
  });

  test.each<[string, string, string, RegExp]>([
    [
      'an address that is not canonical',
      '800000000000',
      'noncanonical',
      /not a linear address of a guest with 4-level paging/,
    ],
    ['17 digits', '10000000000000000', 'noncanonical', /not a linear address/],
    ...['400000000000 PML4', '7f0000000000 PDPT', '7f33e0000000 PD', '7f33e34e0000 PT'].map(
      (line): [string, string, string, RegExp] => {
        const [address = '', table = ''] = line.split(' ');
        return [
          `not mapped by the ${table}`,
          address,
          'not-present',
          new RegExp(`not mapped by the guest: its ${table} entry is not present`),
        ];
      },
    ),
    ['a table that is missing', '0', 'table-missing', /^the guest's PDPT table at guest physical address 0x28fd000: /],
  ])('%s', (_, address, state, message) => {
    const { status, stderr, stdout } = main(...VIRTUAL, '--json', '-p', address);
    const [line] = linesOf({ status, stderr, stdout });
    expect([status, line?.state, line?.gpa, line?.hpa]).toEqual([1, state, null, null]);
    expect(line?.message).toMatch(message);
    expect(lineProblems(line)).toBeNull();
    expect(main(...VIRTUAL, '-p', address).stdout).toContain(
      state === 'table-missing' ? '(not known)' : '(not mapped)',
    );
  });

  test('a given CR3 that leads nowhere names the table that is missing', () => {
    const { status, stderr } = main('--gva', '--cr3', '7ffffffff000', '-p', '0');
    expect(status).toBe(1);
    expect(stderr).toContain("the guest's PML4 table at guest physical address 0x7ffffffff000: no memslot");
  });
});

describe('search', () => {
  const lines = (...options: string[]) => linesOf(run('search', '--json', ...options));
  const [{ page, next }] = pairs as [Pair, ...Pair[]];
  const over = endOf(page) + startOf(next);
  const range = `${page.gpa}+2000`;
  const place = `0x${plus(page.gpa, 4092)}`;

  test.each<[string, string[]]>([
    ['bytes', ['-x', over]],
    ['bytes with a mask', ['-x', `${over.slice(0, 14)}00`, '-m', 'ffffffffffffff00']],
    ['a mask without whole bytes', ['-x', over, '-m', 'f7f7f7f7f7f7f7f7']],
    ['a regular expression', ['-e', over.replace(/(..)/g, '\\x$1')]],
  ])('a match over the border of two pages is found once: %s', (_, what) => {
    const found = lines(...what, '-p', range);
    expect(recordProblems(found[0] as Line)).toBeNull();
    expect(recordProblems(found[1] as Line, 'search-total')).toBeNull();
    expect(found[0]).toMatchObject({ record: 'match', gva: null, gpa: place, length: 8 });
    expect(found[1]).toMatchObject({ record: 'total', matches: 1, searched: 8192, missing: 0, complete: true });
    const [answer] = linesOf(main('--json', '-p', place));
    expect([found[0]?.hva, found[0]?.hpa]).toEqual([answer?.hva, answer?.hpa]);
  });

  test('in guest virtual memory, and in that of the process', () => {
    const virtual = lines(...VIRTUAL, '-x', over, '-p', `${page.gva}+2000`);
    expect(virtual[0]).toMatchObject({ gva: `0x${plus(page.gva, 4092)}`, gpa: place });
    const hva = BigInt(String(virtual[0]?.hva));
    const own = lines('--hva', '-x', over, '-p', `${hva.toString(16)}+8`);
    expect(own.map(({ record, gpa, hva: at }) => [record, gpa, at])).toEqual([
      ['match', null, virtual[0]?.hva],
      ['total', undefined, undefined],
    ]);
  });

  test('the start of every page, in any order of the ranges, which overlap', () => {
    const ranges = pages.map(({ gpa }) => `${gpa}+1004`).reverse();
    for (const each of pages.slice(0, 5)) {
      const found = lines('-x', startOf(each), '-p', ...ranges).filter(({ record }) => record === 'match');
      expect(found.map(({ gpa }) => gpa)).toEqual([each.gpa]);
    }
  });

  test('a match that is not whole in the range is none', () => {
    const found = lines('-x', over, '-p', `${place}+7`);
    expect(found).toHaveLength(1);
    expect(run('search', '-x', over, '-p', `${place}+7`).status).toBe(1);
  });

  test('the text has only the columns that apply', () => {
    const heading = (...options: string[]) =>
      run('search', '-x', over, ...options)
        .stdout.split('\n')[0]
        ?.trim()
        .split(/ +/);
    expect(heading('-p', range)).toEqual(['GPA', 'HVA', 'HPA', 'LENGTH', 'BYTES']);
    expect(heading(...VIRTUAL, '-p', `${page.gva}+2000`)).toEqual(['GVA', 'GPA', 'HVA', 'HPA', 'LENGTH', 'BYTES']);
    const hva = String(lines('-x', over, '-p', range)[0]?.hva).slice(2);
    expect(heading('--hva', '-p', `${hva}+8`)).toEqual(['HVA', 'HPA', 'LENGTH', 'BYTES']);
  });

  test('what is missing is counted, and the search is not complete', () => {
    const { status, stdout, stderr } = run(
      'search',
      '--json',
      '-x',
      startOf(page),
      '-p',
      `${plus(page.gpa, -4096)}-${plus(page.gpa, 4095)}`,
    );
    const [match, total] = linesOf({ status, stdout, stderr });
    expect([status, match?.gpa]).toEqual([1, page.gpa]);
    expect(total).toMatchObject({ matches: 1, searched: 4096, missing: 4096, complete: false });
  });

  test('guest virtual addresses that are not mapped are no memory', () => {
    const found = lines(...VIRTUAL, '-x', startOf(page), '-p', `800000000000-ffff7fffffffffff`, `${page.gva}+1000`);
    expect(found[0]).toMatchObject({ gva: page.gva });
    expect(found[1]).toMatchObject({ matches: 1, searched: 4096, missing: 0, complete: true });
  });

  test('CSV: the matches, and the total on standard error', () => {
    const { stdout, stderr, status } = run('search', '--csv', '-x', over, '-p', range);
    expect([status, stdout.split(/\r?\n/).length]).toEqual([0, 3]);
    expect(stderr).toContain('1 match in 8 KiB');
  });
});

test('search: ranges that are no memory: nothing was searched', () => {
  const { status, stdout } = run('search', '-s', 'a', '-p', 'fffffffff000+1000');
  expect([status, stdout]).toEqual([2, '0 matches in 0 B\n']);
});

describe('npt', () => {
  test("KVM's page tables agree with the memslots", () => {
    const { status, stdout, stderr } = run('npt', '--json');
    const [total, ...others] = linesOf({ status, stdout, stderr });
    expect([status, stderr, others]).toEqual([0, '', []]);
    expect(recordProblems(total as Line, 'npt-total')).toBeNull();
    expect(total).toMatchObject({ kind: 'NPT', roots: 1, disagreeing: 0, complete: true, problems: [] });
    expect(Number(total?.agreeing)).toBeGreaterThan(100 * 2 ** 20);
    expect(total?.agreeing).toBe(total?.mapped);
    expect(run('npt').stdout).toMatch(/^NPT, 1 root: [0-9.]+ MiB mapped, [0-9.]+ MiB agree, 0 B differ\n$/);
  });

  test.each<[string, (pages: Map<number, Buffer>, table: number) => void, RegExp]>([
    ['missing', (pages, table) => pages.delete(table), /: its PMD table at 0x[0-9a-f]+: /],
    [
      'damaged: its entries point beyond the memory',
      (pages, table) => pages.set(table, Buffer.alloc(4096, 'e7000040ff070080', 'hex')),
      /: its PMD entry points to 0x7ff40000000, but the machine's memory ends at /,
    ],
  ])(
    'a table of the process that is %s: its pages are not compared, the total is not complete',
    async (_, spoil, why) => {
      const asked = Array.from({ length: 256 }, (_each, i) => (i * 0x81234).toString(16));
      const mapped = linesOf(run('npt', '--json', ...asked)).filter(({ agrees }) => agrees === true);
      const lines = linesOf(main('--json', '-p', ...mapped.map(({ gpa }) => String(gpa))));
      const [line] = lines as unknown as [{ walk: { address: string }[] }];
      const contents = await contentsOf(DUMP);
      const pages = new Map(contents.pages);
      spoil(pages, Math.floor(Number(line.walk.at(-1)?.address) / 4096));
      const path = scratch('npt').file(kdump(wishOf({ ...contents, pages }, 'raw')));
      const { status, stdout, stderr } = kvmVtop(['npt', '-c', path, '-g', name, '--json']);
      const [total, ...rest] = linesOf({ status, stdout, stderr });
      expect([status, rest, total?.complete, total?.disagreeing]).toEqual([1, [], false, 0]);
      expect(Number(total?.agreeing)).toBeLessThan(Number(total?.mapped));
      const all = new RegExp(`^pages from guest physical address [0-9a-f]+ on${why.source}`);
      expect(total?.problems).toContainEqual(expect.stringMatching(all));
    },
  );

  test('addresses: those that both have are equal; absence is no disagreement', () => {
    const asked = Array.from({ length: 256 }, (_, i) => (i * 0x81234).toString(16));
    const through = linesOf(main('--json', '-p', ...asked));
    const { stdout, status, stderr } = run('npt', '--json', ...asked);
    const found = linesOf({ stdout, status, stderr });
    expect(found.map(({ gpa }) => gpa)).toEqual(through.map(({ gpa }) => gpa));
    for (const [i, line] of found.entries()) {
      expect(recordProblems(line)).toBeNull();
      const { hpa, agrees, throughHva, state, size } = line;
      expect([throughHva, state, size]).toEqual([through[i]?.hpa, through[i]?.state, 1]);
      expect([
        [null, null],
        [throughHva, true],
      ]).toContainEqual([hpa, agrees]);
    }
    const known = found.filter(({ agrees }) => agrees !== null);
    expect(known.length).toBeGreaterThan(200);
    expect(status).toBe(1);
    expect(run('npt', String(known[0]?.gpa)).status).toBe(0);
  });

  test('addresses above those of the tables are mapped by none', () => {
    const [line] = linesOf(run('npt', '--json', '1000000100000'));
    expect(line).toMatchObject({ gpa: '0x1000000100000', hpa: null, agrees: null, state: 'no-memslot' });
  });

  test('a VM that has no page tables: nothing was compared', () => {
    const nested = join(FIXTURES, 'debian-6.12-nested', 'vmcore.kdump');
    const { status, stdout, stderr } = kvmVtop(['npt', '-c', nested, '-g', '201', '--vm', '4']);
    expect([status, stdout]).toEqual([2, 'NPT, 0 roots: 0 B mapped, 0 B agree, 0 B differ\n']);
    expect(stderr).toMatch(/^kvm-vtop: nothing was compared: /m);
  });

  test('what is missing is said, with addresses too', () => {
    for (const words of [[], ['1000']]) {
      const { status, stderr, stdout } = kvmVtop(['npt', '-c', DUMP, '-g', 'beta', ...words]);
      expect([status, stdout === '']).toEqual([1, false]);
      expect(stderr).toMatch(/tdp_mmu_roots: /);
      expect(stderr).toMatch(/the table of level 4 at 26ac000 is not in the dump/);
    }
  });
});
