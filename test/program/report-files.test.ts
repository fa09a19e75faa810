// SPDX-License-Identifier: Apache-2.0
// What `scan --html` writes: never over other files, complete or not at all, and what was done once is not done again.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { ReportDump, ReportVm } from '../../src/html/report-format.js';
import { dumpsIn, INTEL, type Line, linesOf, NEW, OLD, scan, scanFolder } from '../build/scan.js';
import { FIXTURES, kvmVtop, ROOT } from '../run.js';

const { folder, inFolder } = scanFolder();

/** The dumps in a page. */
const dumpsOf = (path: string): ReportDump[] =>
  JSON.parse(/id="report-data">(.*?)<\/script>/s.exec(readFileSync(path, 'utf8'))?.[1] ?? '') as ReportDump[];

/** The names of the files of pictures. */
const namesOf = (guests: readonly ReportVm[]): string[] =>
  guests.map(({ picture }) => (picture as string).replace(/.*\//, ''));

describe('files', () => {
  test('the page alone: no records, nothing that is left', () => {
    const report = inFolder('alone.html');
    expect(scan(NEW, INTEL, '--html', report, '-q')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(dumpsOf(report).map(({ dump, status }) => [dump, status])).toEqual([
      [NEW, 'ok'],
      [INTEL, 'ok'],
    ]);
    expect(readdirSync(folder).filter((name) => name.startsWith('alone'))).toEqual(['alone.html']);
  });

  test('with --summary the table is printed, too', () => {
    const run = scan(NEW, '--html', inFolder('summary.html'), '--summary', '-q');
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(run.stdout).toMatch(/^DUMP .*\n.*\n1 dumps: 1 ok/s);
  });

  test('the states of a VM are those of map, and what is not shown is counted', () => {
    const words = ['--run', 'vms', '--run', 'map -g alpha --summary', '--run', 'slots -g alpha'];
    // It has page tables of this VM.
    scan(
      join(FIXTURES, 'debian-7.2-guest-kernel', 'vmcore.kdump'),
      ...words,
      '--html',
      inFolder('states.html'),
      '-o',
      inFolder('states.jsonl'),
      '-q',
    );
    const lines = linesOf(readFileSync(inFolder('states.jsonl'), 'utf8'));
    const total = lines.find(({ record }) => record === 'total') as Line & { states: Record<string, number> };
    const { mapped, ...others } = total.states;
    const found = dumpsOf(inFolder('states.html')).flatMap(({ guests }) => guests);
    expect(found).toHaveLength(lines.filter(({ record }) => record === 'vm').length);
    const states = Object.fromEntries(found.find(({ kvm }) => kvm === total.kvm)?.states ?? []);
    expect(mapped).toBeGreaterThan(0);
    expect(states.resident).toBe(mapped);
    const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
    expect(sum(Object.values(states))).toBe(sum([mapped as number, ...Object.values(others)]));
    expect(found.filter((vm) => vm.states !== null)).toHaveLength(1);
    const slots = lines.filter(({ record }) => record === 'slot').length;
    expect(readFileSync(inFolder('states.html'), 'utf8')).toContain(`not in this page: ${slots} of slot.`);
  });

  test.each(['jsonl', 'duckdb', 'parquet'])('merge makes the same page of results in %s', (format) => {
    const words = ['--run', 'vms', '--run', 'map -g alpha --summary', '--run', 'slots', '-q'];
    const guest = join(FIXTURES, 'debian-7.2-guest-kernel', 'vmcore.kdump');
    const parts = [[OLD, join(folder, 'absent')], [guest], [INTEL, OLD]].map((dumps, i) => {
      const part = inFolder(`part${i}.${format}`);
      scan(...dumps, ...words, '-o', part);
      return part;
    });
    const merged = inFolder(`merged-${format}.html`);
    const run = kvmVtop(['merge', ...parts, '--html', merged]);
    expect([run.status, run.stdout]).toEqual([0, '']);
    expect(run.stderr).toMatch(/merged-\w+\.html: 4 dumps, \d+ bytes\n.*taken from the first of them: 1\n$/);
    const whole = inFolder(`whole-${format}.html`);
    scan(OLD, join(folder, 'absent'), guest, INTEL, ...words, '--html', whole);
    const contentIn = (path: string) => dumpsOf(path).map((dump) => ({ ...dump, seconds: 0, peakMemory: 0 }));
    expect(contentIn(merged)).toEqual(contentIn(whole));
    const vms = contentIn(merged).flatMap(({ guests }) => guests);
    expect(vms.length).toBeGreaterThan(10);
    expect(vms.filter(({ states }) => states !== null)).toHaveLength(1);
    const notes = [merged, whole].map((path) =>
      /Records that are not in this page: [^<]*/.exec(readFileSync(path, 'utf8')),
    );
    expect(notes[0]?.[0]).toMatch(/\d of slot/);
    expect(notes[0]?.[0]).toBe(notes[1]?.[0]);
    // With -o both are written, and neither over what exists.
    const both = kvmVtop([
      'merge',
      ...parts,
      '-o',
      inFolder(`both.${format}`),
      '--html',
      inFolder(`both-${format}.html`),
    ]);
    expect([both.status, both.stdout]).toEqual([0, `${inFolder(`both.${format}`)}: 4 dumps\n`]);
    expect(contentIn(inFolder(`both-${format}.html`))).toEqual(contentIn(merged));
    const again = kvmVtop(['merge', ...parts, '--html', merged]);
    expect(again).toMatchObject({ status: 2, stderr: expect.stringMatching(/merged-\w+\.html already exists/) });
    expect(readdirSync(folder).filter((name) => /\.parts|partial/.test(name))).toEqual([]);
  });

  test.each([
    [
      'a record that is cut',
      '{"record":"dump","dump":"x","files":["x"],"problems":[]}\n{"record":"vm","dump":"x","run',
    ],
    ['a record of another version', '{"record":"dump","dump":"x"}\n'],
  ])('merge makes no page of %s', (_name, text) => {
    writeFileSync(inFolder('odd.jsonl'), text);
    const run = kvmVtop(['merge', inFolder('odd.jsonl'), '--html', inFolder('odd.html')]);
    expect([run.status, run.stdout]).toEqual([2, '']);
    expect(run.stderr).toMatch(
      /^kvm-vtop: a record is not complete, or of another version of kvm-vtop: \{"record":[^\n]*\n$/,
    );
    expect(existsSync(inFolder('odd.html'))).toBe(false);
  });

  test('an existing page, and an existing folder of pictures, are only replaced with --force', () => {
    const report = inFolder('twice.html');
    const words = [NEW, '--html', report, '--pictures', '-q'];
    expect(scan(...words).stderr).toBe('');
    expect(scan(...words)).toMatchObject({ status: 2, stderr: expect.stringMatching(/twice\.html already exists/) });
    rmSync(report);
    expect(scan(...words)).toMatchObject({ status: 2, stderr: expect.stringMatching(/twice\.files already exists/) });
    const names = readdirSync(inFolder('twice.files'));
    expect(scan(...words, '--force').stderr).toBe('');
    expect(readdirSync(inFolder('twice.files'))).toEqual(names);
    writeFileSync(inFolder('twice.files/letter.txt'), '');
    expect(scan(...words, '--force').stderr).toMatch(/other files, such as letter\.txt, and is not replaced/);
    expect(existsSync(inFolder('twice.files.parts'))).toBe(false);
  });

  test.each([
    ['--pictures alone', ['--pictures'], /--pictures needs --html/],
    ['pictures without VMs', ['--pictures', '--run', 'slots', '--html', 'x.html'], /--pictures needs --run vms/],
    ['a dump', ['--html', NEW, '--force'], /is an input file and is not overwritten/],
    ['a folder', ['--html', folder], /is a directory/],
    ['the file of -o', ['--html', 'x.jsonl', '-o', 'x.jsonl'], /both --html and -o/],
  ])('%s is refused before the work', (_name, words, message) => {
    const run = scan(NEW, ...words);
    expect([run.status, run.stdout]).toEqual([2, '']);
    expect(run.stderr).toMatch(message);
  });

  test('a picture that can not be drawn is a problem of its dump', () => {
    const report = inFolder('problem.html');
    const words = [NEW, INTEL, '--html', report, '--pictures', '-q'];
    scan(...words);
    const names = readdirSync(inFolder('problem.files'));
    const before = dumpsOf(report);
    const [first] = namesOf(before[0]?.guests ?? []);
    for (const name of ['problem.html', 'problem.files']) rmSync(inFolder(name), { recursive: true });
    // The name of the picture is taken.
    mkdirSync(join(inFolder('problem.files.parts'), first as string), { recursive: true });
    expect(scan(...words)).toEqual({ status: 1, stdout: '', stderr: '' });
    const [dump, other] = dumpsOf(report);
    expect(dump).toMatchObject({
      status: 'incomplete',
      problems: expect.arrayContaining([expect.stringMatching(/^picture of .*: .*is a directory/)]),
    });
    expect(dump?.guests.filter(({ picture }) => picture === null)).toHaveLength(1);
    expect(other).toEqual({ ...before[1], seconds: expect.any(Number), peakMemory: expect.any(Number) });
    expect(readdirSync(inFolder('problem.files'))).toEqual(names.filter((name) => name !== first));
  });
});

/** Starts a scan; kills it as soon as a file exists. Returns whether it was still running. */
async function killed(words: readonly string[], isTime: () => boolean): Promise<boolean> {
  const child = spawn(process.execPath, [join(ROOT, 'dist', 'cli.js'), 'scan', ...words], { stdio: 'ignore' });
  const timer = setInterval(() => {
    if (isTime()) child.kill('SIGKILL');
  }, 5);
  const signal = await new Promise((resolve) =>
    child.once('exit', (_code, how) => {
      resolve(how);
    }),
  );
  clearInterval(timer);
  return signal === 'SIGKILL';
}

const countIn = (path: string, end: string): number =>
  existsSync(path) ? readdirSync(path).filter((name) => name.endsWith(end)).length : 0;

describe('a scan that was killed', () => {
  test.each([
    ['the page alone', 'a.html', [], 'a.html.parts'],
    ['with -o', 'b.html', ['-o', 'b.jsonl'], 'b.jsonl.parts'],
  ])('%s: is continued, and the pictures that were drawn are not drawn again', async (_name, name, more, parts) => {
    const [, result = ''] = more;
    const words = [NEW, INTEL, OLD, '-j', '1', '--html', inFolder(name), '--pictures'];
    if (result !== '') words.push('-o', inFolder(result));
    const drafts = inFolder(name.replace('.html', '.files.parts'));
    expect(await killed(words, () => countIn(inFolder(parts), '.dump') === 1)).toBe(true);
    expect(existsSync(inFolder(name))).toBe(false);
    const drawn = new Map(readdirSync(drafts).map((each) => [each, statSync(join(drafts, each)).mtimeMs]));
    const run = scan(...words);
    expect(run.stderr).toContain('1 of 3 dumps were analysed before');
    const dumps = dumpsOf(inFolder(name));
    expect(dumps.map(({ dump }) => dump)).toEqual([NEW, INTEL, OLD]);
    const made = inFolder(name.replace('.html', '.files'));
    for (const each of namesOf(dumps[0]?.guests ?? []))
      expect(statSync(join(made, each)).mtimeMs).toBe(drawn.get(each));
    expect(dumps.flatMap(({ guests }) => namesOf(guests)).sort()).toEqual(readdirSync(made));
    if (result !== '') expect(dumpsIn(linesOf(readFileSync(inFolder(result), 'utf8')))).toHaveLength(3);
    expect(readdirSync(folder).filter((each) => each.includes('parts'))).toEqual([]);
  });

  test('dumps whose pictures are gone are read again', async () => {
    const words = [NEW, INTEL, '-j', '1', '--html', inFolder('gone.html'), '--pictures'];
    expect(await killed(words, () => countIn(inFolder('gone.html.parts'), '.dump') === 1)).toBe(true);
    rmSync(inFolder('gone.files.parts'), { recursive: true });
    const run = scan(...words);
    expect(run.stderr).not.toContain('were analysed before');
    expect(dumpsOf(inFolder('gone.html')).every(({ guests }) => guests.every(({ picture }) => picture !== null))).toBe(
      true,
    );
  });
});

/** A small file system. */
const full = inFolder('full');
mkdirSync(full);
const canMount =
  process.getuid?.() === 0 && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', full]).status === 0;
afterAll(() => {
  if (canMount) spawnSync('umount', [full]);
});

(canMount ? test : test.skip)(
  'no space for pictures: one line, no dump is blamed, and with more space the scan goes on',
  () => {
    const words = [NEW, INTEL, '--html', join(full, 'r.html'), '--pictures', '-o', inFolder('full.jsonl'), '-q'];
    writeFileSync(join(full, 'fill'), Buffer.alloc(2 ** 20 - 3 * 2 ** 16));
    const run = scan(...words);
    expect([run.status, run.stdout]).toEqual([2, '']);
    expect(run.stderr).toMatch(/^kvm-vtop: [^\n]*r\.files\.parts: no space left[^\n]*\n$/i);
    rmSync(join(full, 'fill'));
    spawnSync('mount', ['-o', 'remount,size=16m', full]);
    expect(scan(...words)).toMatchObject({ stdout: '', stderr: '' });
    const dumps = dumpsOf(join(full, 'r.html'));
    expect(dumps.map(({ dump }) => dump)).toEqual([NEW, INTEL]);
    expect(dumps.flatMap(({ problems }) => problems).filter((text) => text.includes('space'))).toEqual([]);
    expect(dumps.every(({ guests }) => guests.length > 0 && guests.every(({ picture }) => picture !== null))).toBe(
      true,
    );
  },
);
