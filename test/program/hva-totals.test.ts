// SPDX-License-Identifier: Apache-2.0
// The totals of ranges of a process's memory: overlapping ranges, addresses in no mapping and beyond all mappings.
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { FIXTURES, hasShared, kvmVtop, SHARED } from '../run.js';

const DUMP = join(FIXTURES, 'debian-6.12-map', 'vmcore.kdump');
/** Guest memory of this process; a huge page of it is mapped here. */
const ask = (...words: readonly string[]) => kvmVtop(['hva', '-c', DUMP, '-g', '195', ...words]);
const totalOf = ({ stdout }: { readonly stdout: string }): Record<string, unknown> =>
  JSON.parse(stdout.trimEnd().split('\n').at(-1) as string) as Record<string, unknown>;

describe('each page is counted once', () => {
  test.each([
    ['the same range twice', ['7f0d2ee00000+4000', '7f0d2ee00000+4000'], 2],
    ['ranges that overlap', ['7f0d2ee00000+3000', '7f0d2ee01000+3000'], 2],
    ['two ranges of bytes of a page, and of the others', ['7f0d2ee00000-7f0d2ee00010', '7f0d2ee00020+3fe0'], 2],
    ['ranges that touch', ['7f0d2ee02000+2000', '7f0d2ee00000+2000'], 2],
    ['one range', ['7f0d2ee00000+4000'], 1],
  ])('%s', (_name, ranges, runs) => {
    const run = ask(...ranges, '--json');
    expect(run.status).toBe(0);
    expect(run.stdout.match(/"record":"run"/g)).toHaveLength(runs);
    expect(totalOf(run)).toMatchObject({ bytes: 0x4000, states: { mapped: 0x4000 }, gaps: 0, complete: true });
  });
});

test.each([
  ['a part', '7f0d2ee00000-ffffffffffffffff'],
  ['all', 'ffffffff81000000-ffffffffffffffff'],
])('%s of a range beyond the memory of a process is a problem of the totals', (_name, range) => {
  const problem = 'addresses from 0x800000000000 on are not in the memory of a process';
  const { status, stderr, ...run } = ask(range, '--json');
  expect([status, stderr]).toEqual([1, '']);
  expect(totalOf(run)).toMatchObject({ complete: false, problems: expect.arrayContaining([problem]) });
  expect(ask(range).stdout).toContain(`  not known: ${problem}\n`);
});

test('gaps are not claimed where mappings may be missing', () => {
  const dump = join(FIXTURES, 'debian-7.2-vms', 'vmcore.kdump');
  const { stdout } = kvmVtop(['hva', '-c', dump, '-g', '1', '--all', '--json']);
  expect(totalOf({ stdout })).toMatchObject({
    complete: false,
    gaps: null,
    problems: [expect.stringMatching(/^mappings may be missing: /), expect.anything()],
  });
});

test('with --csv and -q, standard error says why an answer is incomplete', () => {
  const folder = join(FIXTURES, 'debian-5.10', 'vmcore.kdump');
  const { status, stderr } = kvmVtop(['map', '-c', folder, '-g', '132', '--csv', '-q']);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^kvm-vtop: 2097152 bytes: its PTE table at 0x\w+: /m);
});

(hasShared ? test : test.skip)('addresses in no mapping are in the text, and each is counted once', () => {
  const dump = join(SHARED, 'dumps', 'debian-5.10-lzo', 'vmcore');
  const of = (...words: readonly string[]) => kvmVtop(['hva', '-c', dump, '-g', '132', ...words]);
  expect(totalOf(of('1000-2fff', '2000-4fff', '--json'))).toMatchObject({ bytes: 0, gaps: 0x4000, complete: true });
  expect(of('1000-2fff', '2000-4fff').stdout).toBe('pid 132: 0 B in 0 runs\n  in no mapping  16 KiB\n');
});
