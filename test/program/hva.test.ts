// SPDX-License-Identifier: Apache-2.0
// kvm-vtop hva: the same truth as for the main command, which the hosts' own kernels told by HVA.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { recordProblems } from '../build/schema.js';
import { FIXTURES, fixtures, kvmVtop } from '../run.js';

interface Case {
  readonly hva: string | null;
  readonly hpa: string | null;
  readonly state: string;
  readonly protNone: boolean;
  readonly frame?: string | null;
  readonly swap?: { readonly type: number; readonly offset: number } | null;
}

interface Question {
  readonly name: string;
  readonly process: string;
  readonly cases: readonly Case[];
}

interface Line extends Case {
  readonly record: string;
  readonly size: number;
  readonly pid: number;
}

const wordsOf = (name: string, process: string): string[] => [
  'hva',
  '-c',
  join(FIXTURES, name, 'vmcore.kdump'),
  '-g',
  process,
];
const linesOf = ({ stdout }: { readonly stdout: string }): Line[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

describe.each(fixtures())('fixture %s', (name) => {
  const { questions } = JSON.parse(readFileSync(join(FIXTURES, name, 'facts.json'), 'utf8')) as {
    questions: Question[];
  };
  // The memory of the VM orphan was that of a process that has exited; another one holds it.
  // Pages of a guest_memfd are not at their HVAs: the page tables answer, and the truth does not say what.
  const asked = questions
    .filter((question) => question.name !== 'orphan')
    .map(({ process, cases }) => ({
      process,
      cases: cases.filter(({ hva, state }) => hva !== null && state !== 'guest-memfd'),
    }))
    .filter(({ cases }) => cases.length > 0);

  test.each(asked)('process $process: single addresses', ({ process, cases }) => {
    const run = kvmVtop([...wordsOf(name, process), '-', '--json'], cases.map(({ hva }) => `${hva}\n`).join(''));
    const lines = linesOf(run);
    const answered = ({ hva, hpa, state, protNone, swap }: Case) => ({
      hva,
      hpa,
      state,
      protNone: state === 'mapped' && protNone,
      swap: swap == null ? null : { type: swap.type, offset: swap.offset },
    });
    expect(lines.map(answered)).toEqual(cases.map(answered));
    expect(lines.map((line) => recordProblems(line)).filter((problem) => problem !== null)).toEqual([]);
    expect(run.status).toBe(cases.every(({ state }) => state === 'mapped') ? 0 : 1);
  });

  test.each(asked.slice(0, 1))('process $process: the same addresses as ranges', ({ process, cases }) => {
    // The fixture need not have the mappings. Without them, pages that are not present can't be told from no memory.
    const there = cases.filter(({ state }) => state !== 'not-present');
    const pages = there.map(({ hva }) => BigInt(hva as string) & ~0xfffn);
    const run = kvmVtop(
      [...wordsOf(name, process), '-', '--json'],
      pages.map((page) => `${page.toString(16)}+1\n`).join(''),
    );
    const runs = linesOf(run).filter(({ record }) => record === 'run');
    const frameOf = (hpa: string | null) => (hpa === null ? null : BigInt(hpa) >> 12n);
    expect(runs.map(({ hva, hpa, state, size }) => [BigInt(hva as string), frameOf(hpa), state, size])).toEqual(
      there.map(({ hpa, state }, i) => [pages[i], frameOf(hpa), state, 4096]),
    );
  });
});

// /proc/PID/maps of that host has these paths, followed by ` (deleted)` where there is no file of the name.
test('slots names files as hva does', () => {
  const dump = ['-c', join(FIXTURES, 'debian-6.12-map', 'vmcore.kdump'), '-g', '216', '--json'];
  const slots = kvmVtop(['slots', ...dump])
    .stdout.trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { hva: string; backing: { path: string | null } });
  const files = kvmVtop(['hva', ...dump, ...slots.map(({ hva }) => hva)])
    .stdout.trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { vma: { file: string | null } }).vma.file);
  const paths = slots.map(({ backing }) => backing.path);
  expect(paths).toEqual(files);
  expect(paths).toEqual(
    expect.arrayContaining(['/memfd:lab', '/dev/zero', '/anon_hugepage', '/run/files/shared-clean', null]),
  );
});
