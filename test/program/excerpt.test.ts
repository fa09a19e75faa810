// SPDX-License-Identifier: Apache-2.0
// kvm-vtop excerpt: what it writes, and which files it never changes.
import { spawn } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ALPHA, DUMP } from '../build/alpha.js';
import { expectRefusal } from '../build/refusal.js';
import { scratch } from '../build/scratch.js';
import { FIXTURES, kvmVtop, ROOT } from '../run.js';

const { file, folder } = scratch('excerpt-cli');

/** Has what vms and slots read, and the memslots of the guests alpha (pid 147) and beta. */
const VMS = join(FIXTURES, 'debian-7.2-vms', 'vmcore.kdump');

describe('excerpt', () => {
  const target = (name: string) => join(folder, name);
  const partial = () => readdirSync(folder).filter((name) => name.includes('partial'));
  const cut = (name: string, ...more: string[]) =>
    kvmVtop(['excerpt', ...ALPHA, '-p', '840', '1000840', '-o', target(name), ...more]);

  test('answers the addresses it was made for, and says for others that it is an excerpt', () => {
    const run = cut('small');
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(run.stdout).toMatch(/small: \d+ pages, \d+ bytes, 2 addresses; it gives the same answers as the whole dump/);
    for (const form of [[], ['--json']]) {
      const [ours, theirs] = [target('small'), DUMP].map(
        (core) => kvmVtop(['-c', core, '-g', '136', '-p', '840', '1000840', ...form]).stdout,
      );
      expect(ours).toBe(theirs);
    }
    const { stdout } = kvmVtop(['-c', target('small'), '-g', '136', '-p', 'fffc0000', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'table-missing', reason: 'table-excluded' });
  });

  test("has the kernel's names in its header, which other readers need", () => {
    expect(cut('named').status).toBe(0);
    const header = readFileSync(target('named')).subarray(12, 12 + 6 * 65);
    const names = Array.from({ length: 6 }, (_, i) =>
      header.toString('latin1', i * 65, i * 65 + 65).replace(/\0.*/s, ''),
    );
    expect(names).toEqual([
      'Linux',
      '(none)',
      '6.1.0-50-amd64',
      expect.stringMatching(/^#1 SMP .*Debian 6\.1\.176-1/),
      'x86_64',
      '(none)',
    ]);
  });

  test('never overwrites without --force, and leaves no incomplete file', () => {
    const path = file('precious', 'precious');
    expect(cut('precious')).toMatchObject({ status: 2, stdout: '' });
    expect(readFileSync(path, 'utf8')).toBe('precious');
    expect(cut('precious', '--force').status).toBe(0);
    expect(statSync(path).size).toBeGreaterThan(100_000);
    expect(cut('no/such/folder/x')).toMatchObject({ status: 2, stdout: '' });
  });

  test('never replaces the dump, a dangling link, or something other than a file, even with --force', () => {
    const dump = file(readFileSync(DUMP), 'only');
    const args = (output: string) =>
      kvmVtop(['excerpt', '-c', dump, '-g', '136', '-p', '840', '-o', output, '--force']);
    symlinkSync(dump, target('alias'));
    symlinkSync('nowhere', target('dangling'));
    for (const output of [dump, target('alias')])
      expect(args(output)).toMatchObject({
        status: 2,
        stderr: expect.stringMatching(/is an input file and is not overwritten/),
      });
    expect(readFileSync(dump).equals(readFileSync(DUMP))).toBe(true);
    expect(cut('dangling').status).toBe(2);
    expect(args(target('dangling')).stderr).toMatch(/is a dangling symbolic link/);
    expect(partial()).toEqual([]);
  });

  test('what --force would not help against is said without it', () => {
    const refusal = (output: string) => cut(output).stderr;
    for (const more of [[], ['--force']]) {
      const at = (output: string) => kvmVtop(['excerpt', ...ALPHA, '-p', '840', '-o', output, ...more]).stderr;
      expect(at(folder)).toBe(`kvm-vtop: ${folder} is a directory\n`);
      expect(at('/dev/null')).toBe('kvm-vtop: /dev/null is not a regular file\n');
      expect(at(DUMP)).toBe(`kvm-vtop: ${DUMP} is an input file and is not overwritten\n`);
      expect(at('-')).toMatch(
        /^kvm-vtop: standard output can't be used: a file is needed; '.\/-' is a file named '-'\n$/,
      );
    }
    expect(refusal('no/such/x')).toBe(`kvm-vtop: ${target('no/such')}: no such directory\n`);
    file('', 'plain');
    expect(refusal('plain/x')).toBe(`kvm-vtop: ${target('plain')}: not a directory\n`);
    expect(refusal('x'.repeat(300))).toBe(`kvm-vtop: ${target('x'.repeat(300))}: the name is too long\n`);
  });

  test('if the output is a link, the target is replaced', () => {
    const old = file('old', 'named');
    symlinkSync(old, target('link'));
    expect(cut('link', '--force').status).toBe(0);
    expect(lstatSync(target('link')).isSymbolicLink()).toBe(true);
    expect(statSync(old).size).toBeGreaterThan(100_000);
  });

  test('a failure leaves the old file unchanged', () => {
    const path = file('old', 'old');
    const broken = file(readFileSync(DUMP), 'broken');
    truncateSync(broken, statSync(DUMP).size - 300_000);
    const run = kvmVtop(['excerpt', '-c', broken, '-g', '136', '-p', '840', '-o', path, '--force']);
    expect(run.status).toBe(2);
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(partial()).toEqual([]);
  });

  test('exits with the status of its answers, and warns once', () => {
    const run = kvmVtop(['excerpt', '-c', DUMP, '-g', '153', '-p', '0', '-o', target('orphan')]);
    expect(run.status).toBe(1);
    expect(run.stderr.match(/not in that of pid/g)).toHaveLength(1);
    expect(existsSync(target('orphan'))).toBe(true);
  });

  test('reads addresses from standard input; an excerpt can be made from an excerpt', () => {
    const again = kvmVtop(['excerpt', '-c', DUMP, '-g', '136', '-p', '-', '-o', target('stdin')], '840\n1840\n');
    expect(again.stdout).toMatch(/2 addresses/);
    const wrong = kvmVtop(['excerpt', '-c', DUMP, '-g', '136', '-p', '-', '-o', target('wrong')], '840\nzz\n');
    expect(wrong).toMatchObject({
      status: 2,
      stderr: "kvm-vtop: line 2 of standard input: 'zz' is not a hexadecimal address\n",
    });
    expect(kvmVtop(['excerpt', '-c', DUMP, '-g', '136', '-p', '-', '-o', target('none')], '').status).toBe(2);
    expect(existsSync(target('none'))).toBe(false);
    const twice = kvmVtop(['excerpt', '-c', target('stdin'), '-g', '136', '-p', '840', '-o', target('twice')]);
    expect(twice.status).toBe(0);
    expect(kvmVtop(['-c', target('twice'), '-g', '136', '-p', '840']).status).toBe(0);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s: leaves no incomplete file', async (signal) => {
    const addresses = Array.from({ length: 60_000 }, (_, i) => ((i % 30000) * 4096).toString(16)).join('\n');
    const output = target(signal);
    const child = spawn(process.execPath, ['dist/cli.js', 'excerpt', ...ALPHA, '-p', '-', '-o', output], {
      cwd: ROOT,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const ended = new Promise((resolve) =>
      child.once('exit', (_code, by) => {
        resolve(by);
      }),
    );
    child.stdin.end(addresses);
    const watch = setInterval(() => {
      if (partial().length > 0) child.kill(signal);
    }, 5);
    expect(await ended).toBe(signal);
    clearInterval(watch);
    expect(partial()).toEqual([]);
    expect(existsSync(output)).toBe(false);
  });
});

describe('excerpt for addresses and commands', () => {
  const HOLE = 'fee00000';
  const made = (name: string, ...args: string[]) => kvmVtop(['excerpt', '-c', VMS, '-o', join(folder, name), ...args]);
  const same = (name: string, ...args: string[]) => {
    const [small, whole] = [join(folder, name), VMS].map((core) => {
      const [command = '', ...rest] = args;
      return kvmVtop([command, '-c', core, ...rest, '--json']);
    });
    expect(small?.stdout).not.toBe('');
    expect(small).toEqual(whole);
  };

  test('answers both, and says what it was made for and what is incomplete', () => {
    const run = made('both', '-g', 'alpha', '-p', HOLE, '--', 'vms', '--', 'slots', '--', 'vtop', '-g', '153', HOLE);
    expect(run).toMatchObject({ status: 1, stderr: '' });
    expect(run.stdout).toMatch(
      /both: \d+ pages, \d+ bytes, 2 addresses and all that 'vms' and 'slots' read; it gives the same answers as the whole dump; vtop: some addresses have no host physical address\n$/,
    );
    same('both', 'vms');
    same('both', 'slots');
    same('both', 'vtop', '-g', 'alpha', '-p', HOLE);
    same('both', 'vtop', '-g', '153', '-p', HOLE);
  });

  // Without its note, an excerpt is a dump like any other, and its first bitmap decides why a page is missing.
  test.each([
    ['the dump does not cover this frame', false],
    ['makedumpfile left this page out of the dump', true],
  ])('a page that is missing in the dump is missing in the excerpt for the same reason: %s', (why, isRam) => {
    made('lacking', '--force', '-g', '147', '-p', HOLE);
    const core = join(folder, 'lacking');
    const bytes = readFileSync(core);
    bytes.write('another writer', bytes.indexOf('kvm-vtop excerpt'));
    const bitmap = 4096 * (1 + bytes.readInt32LE(432));
    if (isRam) bytes.fill(0xff, bitmap, bitmap + bytes.readUInt32LE(436) * 2048);
    writeFileSync(core, bytes);
    const small = join(folder, `of-lacking-${isRam}`);
    const questions = [
      ['vms', '-g', '147'],
      ['phys', '100000'],
    ];
    const run = kvmVtop(['excerpt', '-c', core, '-o', small, ...questions.flatMap((question) => ['--', ...question])]);
    expect(run).toMatchObject({ status: 1, stderr: '' });
    for (const question of questions) {
      const answers = [small, core].map((path) => kvmVtop([...question, '-c', path]));
      expect(answers[0]).toEqual(answers[1]);
      expect(`${answers[0]?.stdout}${answers[0]?.stderr}`).toContain(why);
    }
  });

  test('a command that follows -- takes its own options', () => {
    const run = made('inner', '--', '-g', 'alpha', '-p', HOLE);
    expect(run.stdout).toMatch(/ 1 address; it gives the same answers/);
    same('inner', 'vtop', '-g', 'alpha', '-p', HOLE);
  });

  test('a pid after -g keeps command lines out; a name includes those of all VMs', () => {
    const names = (name: string, ...args: string[]) => {
      made(name, ...args, '-p', HOLE);
      return kvmVtop(['vms', '-c', join(folder, name), '-g', '147', '--json'])
        .stdout.trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { name: string | null }).name);
    };
    expect(names('by-pid', '-g', '147')).toEqual([null]);
    expect(names('by-name', '-g', 'beta')).toEqual(['alpha']);
  });

  test.each([
    [
      ['-g', 'alpha', '--', '-p', HOLE],
      /^kvm-vtop: -g is before --, but applies only to addresses there; put it after/,
    ],
    [['--vm', '9', '--', 'vms'], /^kvm-vtop: --vm is before --/],
    [['--address-space', '1', '--', '-p', HOLE], /^kvm-vtop: --address-space is before --/],
    [['--', '-g', '147'], /^kvm-vtop: -p is missing/],
    [['--', 'help'], /^kvm-vtop: 'help' can't follow --: it does not read a dump\n/],
    [['--', 'excerpt'], /^kvm-vtop: 'excerpt' can't follow --: it writes a file of its own\n/],
    [['--', 'vms', '-c', VMS], /^kvm-vtop: -c must be given before --, not after 'vms'/],
    [['--', 'vms', '--types', 'dwarf'], /^kvm-vtop: --types must be given before --, not after 'vms'/],
    [['-p', HOLE, '--', 'vms', '-v'], /^kvm-vtop: -v must be given before --, not after 'vms'/],
  ])('%j is refused', (args, message) => {
    expectRefusal(made('refused', ...args), message);
    expect(existsSync(join(folder, 'refused'))).toBe(false);
  });
});
