// SPDX-License-Identifier: Apache-2.0
// Guests of recorded hosts: their kernels, what their processes said of their own pages, and KVM's page tables of each VM; and the
// logs of two hosts, of which the serial line was recorded.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { dumpFolder } from '../../build/recorded.js';
import { needing, recordedHosts } from '../../needs.js';
import { kvmVtop } from '../../run.js';

const { test } = needing(recordedHosts);

const dumpOf = (host: string): string => join(dumpFolder(host), 'vmcore');
const truthOf = (host: string): string[][] =>
  readFileSync(join(dumpFolder(host), 'truth.txt'), 'latin1')
    .split('\n')
    .map((line) => line.split(' '));
type Line = Readonly<Record<string, unknown>>;
const linesOf = (stdout: string): Line[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

describe.each(['alpha', 'beta'])('the guest %s of debian-7.2-zstd-contents', (name) => {
  const host = 'debian-7.2-zstd-contents';
  const dump = dumpOf(host);
  const factsOf = (word: string): string[][] => truthOf(host).filter(([first, own]) => first === word && own === name);

  test('its log begins with its kernel', () => {
    const { status, stdout, stderr } = kvmVtop(['log', '-c', dump, '-g', name]);
    const [[, , release = ''] = []] = factsOf('GUESTKERNEL');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout.startsWith(`[    0.000000] Linux version ${release} `)).toBe(true);
    expect(stdout.split('\n').length).toBeGreaterThan(300);
  });

  test('a guest that runs no VMs says so in one line', () => {
    const { status, stdout, stderr } = kvmVtop(['vms', '-c', dump, '--guest', name]);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^kvm-vtop: [^\n]*KVM is not loaded[^\n]*\n$/);
    expect(kvmVtop(['vms', '-c', dump, '--guest', name, '--guest', name]).stderr).toBe(stderr);
  });

  test('search finds the banner of its kernel, in each of its memories', () => {
    const banner = `Linux version ${factsOf('GUESTKERNEL')[0]?.[2] ?? ''}`;
    const found = linesOf(kvmVtop(['search', '-c', dump, '-g', name, '--json', '-s', banner]).stdout).filter(
      ({ record }) => record === 'match',
    );
    const own = linesOf(kvmVtop(['search', '-c', dump, '-g', name, '--json', '--hva', '-s', banner]).stdout).filter(
      ({ record }) => record === 'match',
    );
    expect(found.length).toBeGreaterThan(0);
    expect(own.map(({ hva, hpa }) => ({ hva, hpa }))).toEqual(
      expect.arrayContaining(found.map(({ hva, hpa }) => ({ hva, hpa }))),
    );
    const regex = linesOf(
      kvmVtop(['search', '-c', dump, '-g', name, '--json', '-e', banner.replace(/[.+]/g, '\\$&')]).stdout,
    );
    expect(regex.filter(({ record }) => record === 'match')).toEqual(found);
  });
});

describe('processes of the guest alpha', () => {
  const [host, name] = ['debian-7.2-zstd-contents', 'alpha'];
  const dump = dumpOf(host);
  const factsOf = (word: string): string[][] => truthOf(host).filter(([first, own]) => first === word && own === name);

  test('--gva --gtask: each page that a process of the guest wrote is where that process said', () => {
    const pages = factsOf('PAGE').map(([, , gva = '', gpa = '']) => ({ gva: `0x${gva}`, gpa: `0x${gpa}` }));
    const { status, stdout } = kvmVtop([
      '-c',
      dump,
      '-g',
      name,
      '--gva',
      '--gtask',
      '1',
      '--json',
      '-p',
      ...pages.map(({ gva }) => gva),
    ]);
    expect(linesOf(stdout).map(({ gva, gpa }) => ({ gva, gpa }))).toEqual(pages);
    expect([status, pages.length]).toEqual([0, 78]);
  });

  test('--guest: its own processes, their page tables, and its page structures', () => {
    const [, , gva = '', gpa = ''] = factsOf('PAGE')[0] ?? [];
    const [, , comm = '', pid = ''] = factsOf('GUESTPID')[0] ?? [];
    const ask = (command: string, ...options: string[]) =>
      kvmVtop([command, '-c', dump, '--guest', name, '--json', ...options]);
    const [answer] = linesOf(ask('hva', '-g', '1', gva).stdout);
    expect(answer).toMatchObject({ pid: 1, hva: `0x${gva}`, hpa: `0x${gpa}`, state: 'mapped' });
    expect(linesOf(ask('hva', '-g', pid, '0').stdout)[0]).toMatchObject({ pid: Number(pid), state: 'not-present' });
    expect(linesOf(ask('page', gpa).stdout)[0]).toMatchObject({ hpa: `0x${gpa}`, kind: 'anonymous', mapcount: 1 });
    expect(linesOf(ask('owner', gpa).stdout)[0]).toMatchObject({
      owners: [{ kind: 'process', pid: 1, hva: `0x${gva}` }],
    });
    expect(comm).toBe('sleep');
  });
});

test('a page table of the kernel of the guest beta has been swapped out by the host: that is said', () => {
  const { status, stdout, stderr } = kvmVtop([
    'hva',
    '-c',
    dumpOf('debian-7.2-zstd-contents'),
    '--guest',
    'beta',
    '-g',
    '1',
    '0',
  ]);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/its PUD table at physical address 0x4201000: the page has been swapped out$/m);
});

test.each(['debian-6.12-facts', 'debian-6.12-intel'])(
  '%s: what the kernel wrote to its serial line is in its log',
  (host) => {
    const log = kvmVtop(['log', '-c', dumpOf(host)]);
    const lines = log.stdout.trimEnd().split('\n');
    const serial = readFileSync(join(dumpFolder(host), 'serial.log'), 'latin1')
      .replaceAll('\r', '')
      .split('\n')
      .filter((line) => /^\[ *\d+\.\d{6}\] /.test(line));
    // After the crash, the kernel that wrote the dump began to count again.
    const crash = serial.findIndex((line) => line.includes('Kernel panic'));
    const known = new Set(lines);
    expect([log.status, log.stderr, crash > 300]).toEqual([0, '', true]);
    expect(serial.slice(0, crash + 1).filter((line) => !known.has(line))).toEqual([]);
    expect(lines.length).toBeGreaterThan(crash);
  },
);

test.each([
  'debian-5.10-lzo',
  'debian-6.1-zlib',
  'debian-6.12-facts',
  'debian-6.12-intel',
  'debian-6.12-zstd',
  'debian-7.2-zstd-contents',
])("%s: KVM's page tables of every VM agree with the memslots", (host) => {
  const dump = dumpOf(host);
  const vms = linesOf(kvmVtop(['vms', '-c', dump, '--json']).stdout);
  let mapped = 0;
  for (const { kvm } of vms) {
    const { status, stdout } = kvmVtop(['npt', '-c', dump, '--vm', String(kvm), '--json']);
    const [total, ...others] = linesOf(stdout);
    // Some VMs have no vCPUs, or none that ran.
    expect([status, others]).toEqual([total?.mapped === 0 ? 2 : 0, []]);
    expect(total).toMatchObject({
      kind: host.includes('intel') ? 'EPT' : 'NPT',
      disagreeing: 0,
      complete: true,
      problems: [],
    });
    expect(total?.agreeing).toBe(total?.mapped);
    mapped += Number(total?.mapped);
  }
  expect(vms.length).toBeGreaterThan(5);
  expect(mapped).toBeGreaterThan(180 * 2 ** 20);
});
