// SPDX-License-Identifier: Apache-2.0
// Each folder of fixtures/ with a pages.json is a host that wrote down /proc/kpageflags, kpagecount and kpagecgroup of these
// frames before it crashed. The recorded hosts with the same of all their frames are tested by test/witness/pages.test.ts.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { FIXTURES, kvmVtop, ROOT } from '../run.js';

/** Frame, word of kpageflags, kpagecount, and the path of the cgroup that is charged. */
type Told = readonly [frame: number, flags: string, count: number, group: string | null];
interface Row {
  readonly hpa: string;
  readonly frame: string;
  readonly kind: string;
  readonly kpageflags: string;
  readonly kpageflagNames: readonly string[];
  readonly kpagecount: number;
  readonly memcg: string | null;
  readonly compound: { readonly head: string; readonly order: number; readonly tail: boolean } | null;
  readonly huge: string | null;
}

const hosts = readdirSync(FIXTURES).filter((name) => existsSync(join(FIXTURES, name, 'pages.json')));
const textOf = (...path: readonly string[]): string => readFileSync(join(...path), 'utf8');
const validate = new Ajv2020({ allowUnionTypes: true, strictTypes: false }).compile(
  JSON.parse(textOf(ROOT, 'docs', 'schemas', 'page.schema.json')) as object,
);
const TAIL = 1n << 16n;
const rowsOf = (text: string): readonly Row[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);

/** The value that CSV has of a member, or of a member of it. */
function cellOf(row: object, name: string): string {
  const [member = '', inner] = name.split('.');
  const value: unknown = Object.entries(row).find(([key]) => key === member)?.[1];
  if (inner !== undefined && typeof value === 'object' && value !== null) return cellOf(value, inner);
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.join(' ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

test('there are hosts with flags by page, and by folio', () => {
  expect(hosts).toEqual(['debian-5.10-pages', 'debian-7.2-pages']);
});

describe.each(hosts)('%s', (name) => {
  const dump = join(FIXTURES, name, 'vmcore.kdump');
  const told = JSON.parse(textOf(FIXTURES, name, 'pages.json')) as readonly Told[];
  const run = kvmVtop(
    ['page', '-c', dump, '--pfn', '--json', '-'],
    told.map(([frame]) => `${frame.toString(16)}\n`).join(''),
  );

  test('flags, counts and cgroups of each page are what /proc said', () => {
    expect([run.status, run.stderr]).toEqual([0, '']);
    const rows = rowsOf(run.stdout);
    for (const row of rows) expect(validate(row) ? null : validate.errors).toBeNull();
    const answers = rows.map(({ frame, kpageflags, kpagecount, memcg, compound }, i) => {
      const [, flags = '', , group = null] = told[i] ?? [];
      // Up to 6.1 /proc says of tails that no group is charged for them.
      const isTail = compound?.tail === true || (BigInt(flags) & TAIL) !== 0n;
      return [Number(frame), kpageflags, kpagecount, isTail && group === null ? null : memcg];
    });
    expect(answers).toEqual(told);
  });

  // JSON keeps the text of what neighbouring pages have in common; CSV does not.
  test('CSV has the same values of each page, in any order', () => {
    const frames = told.map(([frame]) => frame.toString(16));
    // 7919 is a prime: all frames in another order.
    const mixed = frames.map((_, i) => frames[(i * 7919) % frames.length] as string);
    expect(new Set(mixed).size).toBe(new Set(frames).size);
    for (const order of [frames, mixed]) {
      const words = ['page', '-c', dump, '--pfn', '-'];
      const [json, csv] = ['--json', '--csv'].map((format) => kvmVtop([...words, format], order.join('\n')).stdout);
      const [header = '', ...lines] = (csv ?? '').trimEnd().split('\r\n');
      const names = header.split(',');
      const rows = rowsOf(json ?? '').map((row) => names.map((cell) => cellOf(row, cell)).join());
      expect(rows).toEqual(lines);
    }
  });

  test('pages of all kinds are among them', () => {
    const kinds = new Set(rowsOf(run.stdout).map(({ kind }) => kind));
    const all = [
      'anonymous',
      'file',
      'free',
      'hugetlb',
      'kernel',
      'ksm',
      'page-table',
      'reserved',
      'shmem',
      'slab',
      'zero',
    ];
    expect([...kinds].sort()).toEqual(all);
    const names = new Set(rowsOf(run.stdout).flatMap(({ kpageflagNames }) => kpageflagNames));
    expect([...names]).toEqual(expect.arrayContaining(['thp', 'hwpoison', 'swapcache', 'compound_tail', 'mlocked']));
  });

  test('the head of a huge page and its tails have the same order', () => {
    const huge = rowsOf(run.stdout).filter(({ huge: kind }) => kind !== null);
    expect(huge.length).toBeGreaterThan(10);
    for (const { frame, compound } of huge) {
      const { head, order, tail } = compound ?? { head: '0x0', order: 0, tail: false };
      expect(Number(head) % 2 ** order).toBe(0);
      expect(Number(frame) - Number(head)).toBeLessThan(2 ** order);
      expect(tail).toBe(frame !== head);
    }
  });

  test('an address, its frame, CSV and a range give the same page', () => {
    const frame = told.find(([, flags]) => (BigInt(flags) & TAIL) !== 0n)?.[0] ?? 0;
    const [first] = rowsOf(kvmVtop(['page', '-c', dump, '--json', ((frame + 1) * 4096 - 1).toString(16)]).stdout);
    const [second] = rowsOf(kvmVtop(['page', '-c', dump, '--json', '--pfn', frame.toString(16)]).stdout);
    expect(first).toEqual({ ...second, hpa: `0x${((frame + 1) * 4096 - 1).toString(16)}` });
    const range = kvmVtop(['page', '-c', dump, '--json', `${(frame * 4096).toString(16)}+1`]);
    expect(rowsOf(range.stdout)).toEqual([second]);
    const csv = kvmVtop(['page', '-c', dump, '--csv', (frame * 4096).toString(16)]).stdout.split('\r\n');
    const at = csv[0]?.split(',').indexOf('kpageflags') ?? -1;
    expect(csv[1]).toContain(second?.kpageflags);
    expect(at).toBeGreaterThan(0);
  });
});

describe('what is not a page', () => {
  const dump = join(FIXTURES, 'debian-7.2-pages', 'vmcore.kdump');
  const ask = (...words: readonly string[]) => kvmVtop(['page', '-c', dump, '--json', ...words]);

  test('beyond the memory there is no page; beyond 52 bits there is no address', () => {
    const { status, stdout } = ask('8000000000123');
    expect([status, rowsOf(stdout)[0]]).toMatchObject([
      0,
      {
        hpa: '0x8000000000123',
        kind: 'none',
        struct: null,
        flags: null,
        kpageflagNames: ['nopage'],
      },
    ]);
    const above = ask('10000000000000');
    expect([above.status, above.stdout]).toEqual([1, '']);
    expect(above.stderr).toContain('52 bits');
    const range = ask('8000000000000-8000000001000');
    expect([range.status, range.stdout]).toEqual([1, '']);
    expect(range.stderr).toContain('beyond the memory');
  });

  test('a line that is not an address is reported; the others are answered', () => {
    const { status, stdout, stderr } = kvmVtop(['page', '-c', dump, '--json', '-'], 'nonsense\n8000000000000\n');
    expect([status, rowsOf(stdout).map(({ kind }) => kind)]).toEqual([1, ['none']]);
    expect(stderr).toContain("line 1 of standard input: 'nonsense'");
  });

  test('a page whose struct page is not in the dump is unknown', () => {
    // The excerpt has the struct pages of the frames of pages.json only.
    const rows = rowsOf(ask('0-ffffffff').stdout);
    const unknown = rows.filter(({ kind }) => kind === 'unknown');
    expect(unknown.length).toBeGreaterThan(1000);
    expect(unknown[0]).toMatchObject({ kpageflags: null, flags: null, compound: null });
    expect(ask('0-ffffffff').status).toBe(1);
  });
});
