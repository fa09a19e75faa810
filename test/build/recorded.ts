// SPDX-License-Identifier: Apache-2.0
// Checks every page of every VM of a recorded host, with the checkers next to the recorded hosts. Each host has its own test
// file, so that they are checked in parallel.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { needing, recordedHosts } from '../needs.js';
import { type HOSTS, kvmVtop, LIMIT, ROOT, SHARED } from '../run.js';
import { scratch } from './scratch.js';

export const dumpFolder = (host: string): string => join(SHARED, 'dumps', host);

/** Runs a checker; its last line has the number of right answers and of all. */
export function check(tool: string, args: readonly string[]): { status: number | null; last: string; text: string } {
  const run = spawnSync(process.execPath, [join(SHARED, 'check', tool), ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    timeout: LIMIT,
    killSignal: 'SIGKILL',
  });
  return { status: run.status, last: run.stdout.trimEnd().split('\n').at(-1) ?? '', text: run.stdout };
}

const ALL_RIGHT = /^(\d+) of \1 right$/;

/** The tests for every recorded host. */
export function answersOf(host: string): void {
  const { test } = needing(recordedHosts);

  test.each<[string, ...string[]]>([
    ['truth'],
    ['internal'],
    // The lists of all VMs, and each VM that has vCPUs.
    ['vms', '--vms', 'alpha,beta,states,vmx-apic,vmx-bare,vmx-spin'],
  ])(`${host}: %s`, (tool, ...options) => {
    const { status, last, text } = check(tool, [dumpFolder(host), ...options]);
    expect({ status, wrong: status === 0 ? '' : text }).toEqual({ status: 0, wrong: '' });
    expect(last).toMatch(ALL_RIGHT);
  });
}

/** These tests, and one for hosts of which crash printed some pages. */
export function crashTextOf(host: string, count: number): void {
  needing(recordedHosts).test(`${host}: the text of ${count} addresses equals what crash 9.0.2 printed`, () => {
    expect(check('vtop', [dumpFolder(host)]).last).toBe(`${count} of ${count} as crash prints them`);
  });
}

/** Tests each source of types by itself, for a kernel whose debug information is next to its host. */
export function typesOf({ host, release, pid }: (typeof HOSTS)[number]): void {
  const debug = join(SHARED, 'debug', release);

  describe(`${host}, types`, () => {
    const { test } = needing(recordedHosts);

    test('with the included profile, BTF off', () => {
      expect(check('truth', [dumpFolder(host), '--', '--types', 'layout']).last).toMatch(ALL_RIGHT);
    });

    test("with kvm.ko's DWARF alone, BTF and profiles off", () => {
      const options = [
        '--types',
        'dwarf',
        '--kvm-module',
        join(debug, 'kvm.ko.xz'),
        '--debug-dir',
        scratch('empty').folder,
      ];
      const { last } = check('truth', [dumpFolder(host), '--vms', 'alpha,beta,protnone', '--', ...options]);
      expect(last).toMatch(ALL_RIGHT);
    });

    test('kvm.ko and System.map next to the dump do not change the JSON', () => {
      const gpas = Array.from({ length: 4096 }, (_, i) => (i * 0x8123).toString(16)).join('\n');
      const ask = (...options: string[]) =>
        kvmVtop(['-c', join(dumpFolder(host), 'vmcore'), '-g', pid, '-p', '-', '--json', ...options], gpas);
      const alone = ask('--types', 'btf');
      expect(alone.stdout.split('\n')).toHaveLength(4097);
      const files = ['--kvm-module', join(debug, 'kvm.ko.xz'), '--system-map', join(debug, 'System.map.xz')];
      expect(ask(...files)).toEqual(alone);
    });
  });
}
