// SPDX-License-Identifier: Apache-2.0
// Many dumps: one record for each, whatever it is.
import { spawnSync } from 'node:child_process';
import { linkSync, mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../build/redis.js';
import { dumpsIn, INTEL, type Line, linesOf, NEW, OLD, scan, scanFolder, VMS } from '../build/scan.js';
import { recordProblems } from '../build/schema.js';
import { needing, strace } from '../needs.js';
import { FIXTURES, kvmVtop, LIMIT, ROOT } from '../run.js';

const { inFolder, copy } = scanFolder();

describe('one record for each dump', () => {
  let lines: Line[];
  const strange = `a 'quoted' "name"\nin two lines`;
  beforeAll(() => {
    const cut = copy(NEW, 'cut');
    truncateSync(cut, 500_000);
    writeFileSync(inFolder('gzip.gz'), gzipSync(readFileSync(NEW)));
    writeFileSync(inFolder('empty'), '');
    mkdirSync(inFolder('directory'));
    copy(INTEL, strange);
    linkSync(cut, inFolder('link'));
    symlinkSync(inFolder('gzip.gz'), inFolder('symbolic'));
    const names = ['cut', 'link', 'gzip.gz', 'symbolic', 'empty', 'directory', 'absent', strange].map(inFolder);
    const run = scan(...VMS, ...names, OLD);
    expect([run.status, run.stderr]).toEqual([1, '']);
    lines = linesOf(run.stdout);
  });

  test('in the order of the dumps; names of the same file are one dump', () => {
    const expected = ['cut', 'gzip.gz', 'empty', 'directory', 'absent', strange].map(inFolder);
    expect(dumpsIn(lines).map(({ dump }) => dump)).toEqual([...VMS, ...expected]);
  });

  test('records are as their schema says', () => {
    for (const line of dumpsIn(lines)) expect(recordProblems(line)).toBe(null);
  });

  test('the VMs are those that vms prints', () => {
    for (const dump of [...VMS, inFolder(strange)]) {
      const alone = linesOf(kvmVtop(['vms', '-c', dump, '--json']).stdout);
      expect(alone.length).toBeGreaterThan(5);
      const found = lines.filter((line) => line.record === 'vm' && line.dump === dump);
      expect(found).toEqual(alone.map(({ record, ...row }) => ({ record, dump, run: 1, ...row })));
      expect(dumpsIn(lines).find((line) => line.dump === dump)).toMatchObject({
        status: 'ok',
        vms: alone.length,
        error: null,
      });
    }
  });

  test('dumps that can not be read say why', () => {
    const errors = dumpsIn(lines)
      .filter(({ status }) => status === 'failed')
      .map(({ dump, error }) => [dump, error]);
    expect(errors).toEqual([
      [inFolder('cut'), expect.stringContaining('truncated')],
      [inFolder('gzip.gz'), expect.stringContaining('gzip')],
      [inFolder('empty'), expect.stringContaining('empty')],
      [inFolder('directory'), expect.stringContaining('is a directory')],
      [inFolder('absent'), expect.stringContaining('no such file')],
    ]);
  });

  test('the record has what is known of the kernel and its crash', () => {
    expect(dumpsIn(lines)[2]).toMatchObject({
      release: '7.2.13+deb14-amd64',
      node: '(none)',
      crashTime: expect.stringMatching(/^2026-11-21T10:29:38/),
      seconds: expect.any(Number),
    });
    expect(Number(dumpsIn(lines)[2]?.peakMemory)).toBeGreaterThan(30e6);
  });
});

describe('the questions', () => {
  test('several commands; addresses from a file; records have the number of the run', () => {
    writeFileSync(inFolder('addresses'), '0\n1000\nno address\n');
    const run = scan(
      NEW,
      '--run',
      'slots',
      '--run',
      'vms',
      '--run',
      'vtop -g nobody -p -',
      '--addresses',
      inFolder('addresses'),
    );
    const lines = linesOf(run.stdout);
    expect([...new Set(lines.map(({ record, run: number }) => `${record} ${String(number)}`))]).toEqual([
      'dump undefined',
      'slot 1',
      'vm 2',
    ]);
    expect(lines[0]).toMatchObject({ status: 'incomplete', problems: [expect.stringMatching(/^vtop: .*nobody/)] });
  });

  test('addresses are answered for each dump', () => {
    const dump = join(FIXTURES, 'debian-6.1', 'vmcore.kdump');
    writeFileSync(inFolder('addresses'), '840\n1840\n');
    const run = scan(dump, '--run', 'vtop -g 136 -p -', '--addresses', inFolder('addresses'));
    const alone = linesOf(kvmVtop(['-c', dump, '-g', '136', '-p', '840', '1840', '--json']).stdout);
    const found = linesOf(run.stdout).filter(({ record }) => record === 'vtop');
    expect(found).toEqual(alone.map((row) => ({ ...row, record: 'vtop', dump, run: 1 })));
  });

  test.each([
    ['nonsense', ['--run', 'nonsense'], /nonsense/],
    ['a command without records', ['--run', 'read -g 1 -p 0'], /--run 'read': it does not print records/],
    ['a command that writes a file', ['--run', 'map -g 1 --html x'], /can't write a file/],
    ['CSV', ['--run', 'vms --csv'], /--csv is not possible/],
    ['a dump of its own', ['--run', 'vms -c x'], /-c/],
    ['a quote that is not closed', ['--run', "vms 'x"], /a quote is not closed/],
    ['a shard beyond the last', ['--shard', '4/3'], /I\/N/],
    ['a format that does not exist', ['-o', 'x.xml'], /\.jsonl, \.csv, \.parquet or \.duckdb/],
  ])('%s is refused', (_name, words, message) => {
    const run = scan(NEW, ...words);
    expect([run.status, run.stdout]).toEqual([2, '']);
    expect(run.stderr).toMatch(message);
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('lists', () => {
  const listed = (text: string, ...words: readonly string[]) => {
    writeFileSync(inFolder('list'), text);
    return scan('--list', inFolder('list'), '-q', ...words);
  };

  test('quotes, comments, blank lines, and options of a line', () => {
    copy(OLD, "it's a dump");
    const run = listed(`# dumps\n\n  ${NEW}  # new\n"${inFolder("it's a dump")}" --layout ${inFolder('no-layout')}\n`);
    const found = dumpsIn(linesOf(run.stdout));
    expect(found.map(({ dump, status }) => [dump, status])).toEqual([
      [NEW, 'ok'],
      [inFolder("it's a dump"), 'failed'],
    ]);
    expect(found[1]?.error).toMatch(/no-layout/);
  });

  test('names that end with NUL bytes', () => {
    const name = 'with a\nline break and # and \\';
    copy(NEW, name);
    const run = listed(`${inFolder(name)}\0${OLD}\0`, '--null');
    expect(dumpsIn(linesOf(run.stdout)).map(({ dump, status }) => [dump, status])).toEqual([
      [inFolder(name), 'ok'],
      [OLD, 'ok'],
    ]);
  });

  test.each([
    ['an empty list', '# nothing\n', /no dump is listed/],
    ['an option that does not exist', 'x --gva\n', /list, line 1: '--gva' is not an option of a line/],
    ['an option without a value', 'x\ny --layout\n', /line 2: --layout needs a value/],
    ['a quote that is not closed', "x\n'y\n", /line 2: a quote is not closed/],
  ])('%s is refused', (_name, text, message) => {
    const run = listed(text);
    expect([run.status, run.stderr]).toEqual([2, expect.stringMatching(message)]);
  });

  test('a list that does not exist is refused', () => {
    expect(scan('--list', inFolder('no-list'))).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('no such file'),
    });
  });

  test('each dump is in one shard', () => {
    const all = [1, 2].flatMap((index) => dumpsIn(linesOf(scan(...VMS, '--shard', `${index}/2`).stdout)));
    expect(all.map(({ dump }) => dump)).toEqual([OLD, NEW, INTEL]);
  });
});

describe('limits', () => {
  test('a dump that needs too much memory costs its record only', () => {
    const [line, ...others] = linesOf(scan(NEW, '--max-memory', '20').stdout);
    expect(others).toEqual([]);
    expect(line).toMatchObject({ status: 'failed', error: expect.stringContaining('--max-memory'), vms: null });
  });

  test('the order does not depend on the number of processes', () => {
    const seen = ['1', '3'].map((jobs) =>
      linesOf(scan(...VMS, '-j', jobs).stdout).map(({ record, dump, kvm }) => [record, dump, kvm]),
    );
    expect(seen[0]?.length).toBeGreaterThan(15);
    expect(seen[1]).toEqual(seen[0]);
  });
});

/** The processes with a variable of this value in their environment. */
const processesWith = (mark: string): string[] =>
  readdirSync('/proc').filter((name) => {
    try {
      return readFileSync(`/proc/${name}/environ`, 'latin1').includes(mark);
    } catch {
      return false;
    }
  });

describe('a process that was started before the command line was read ends', () => {
  test.each<[string, readonly string[], number]>([
    ['a wrong option', [NEW, '--jobs', '0'], 2],
    ['a list that does not exist', ['--list', '/dev/null/none'], 2],
    ['one dump, and many processes', [NEW, '-j', '3'], 0],
  ])('%s', async (name, words, status) => {
    const mark = `mark of ${process.pid}: ${name}`;
    const run = kvmVtop(['scan', ...words], '', { ...process.env, KVM_VTOP_TEST_MARK: mark });
    expect(run.status).toBe(status);
    await until(() => processesWith(mark).length === 0);
  });
});

/** A program that does not end fails a test. */
const BOUNDED = { timeout: LIMIT, killSignal: 'SIGKILL' } as const;

needing(strace).test.each([
  ['a wrong option', ['--bad'], "kvm-vtop: unknown option '--bad'"],
  ['a dump', [NEW], 'kvm-vtop: no process can be started to analyse dumps: not enough memory\n'],
])('no process can be started: %s', (_name, words, expected) => {
  const inject = ['-e', 'trace=vfork,clone', '-e', 'inject=vfork,clone:error=ENOMEM'];
  const program = [process.execPath, join(ROOT, 'dist', 'cli.js'), 'scan', ...words];
  const { status, stderr } = spawnSync('strace', ['-f', '-qq', '-o', inFolder('trace'), ...inject, ...program], {
    ...BOUNDED,
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([2, expect.stringContaining(expected)]);
  expect(stderr).not.toContain('internal error');
});

needing(strace).test.each<[string, readonly string[], number]>([
  ['one dump', [NEW, '-j', '1'], 2],
  ['a wrong option', ['--bad'], 2],
  ['help', ['--help'], 1],
  ['the version', ['--version'], 1],
  ['a queue', ['--queue', 'no address', 'status'], 1],
])('how many processes are started: %s', (_name, words, expected) => {
  const trace = inFolder('trace');
  const program = [process.execPath, join(ROOT, 'dist', 'cli.js'), 'scan', ...words];
  const { error } = spawnSync(
    'strace',
    ['-f', '-qq', '-o', trace, '-e', 'trace=vfork,fork,clone', ...program],
    BOUNDED,
  );
  expect(error).toBe(undefined);
  const children = readFileSync(trace, 'utf8').match(/^\d+ +(?:vfork|fork|clone)\(/gm) ?? [];
  expect(children.length + 1).toBe(expected);
});
