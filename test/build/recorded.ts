// SPDX-License-Identifier: Apache-2.0
// The whole truth about a recorded host: every page of every VM, by the checkers that lie beside it. Each host has a
// test file of its own, so that they are checked side by side.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { needing, recordedHosts } from '../needs.js';
import { type HOSTS, kvmVtop, LIMIT, ROOT, SHARED } from '../run.js';

export const dumpFolder = (host: string): string => join(SHARED, 'dumps', host);

/** Runs a checker; its last line says how many of how many answers were right. */
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

/** Tests of what every recorded host must answer. */
export function answersOf(host: string): void {
  const { test } = needing(recordedHosts);

  test.each(['truth', 'internal'])(`${host}: %s`, (tool) => {
    const { status, last, text } = check(tool, [dumpFolder(host)]);
    expect({ status, wrong: status === 0 ? '' : text }).toEqual({ status: 0, wrong: '' });
    expect(last).toMatch(ALL_RIGHT);
  });
}

/** The same for hosts of which crash printed some pages. */
export function crashTextOf(host: string, count: number): void {
  needing(recordedHosts).test(`${host}: the text of ${count} addresses is what crash 9.0.2 printed`, () => {
    expect(check('vtop', [dumpFolder(host)]).last).toBe(`${count} of ${count} as crash prints them`);
  });
}

/** Tests of each source of types on its own, for a kernel whose debug information lies beside its host. */
export function typesOf({ host, release, pid }: (typeof HOSTS)[number]): void {
  const debug = join(SHARED, 'debug', release);

  describe(`${host}, types`, () => {
    const { test } = needing(recordedHosts);

    test('by the shipped profile, BTF off', () => {
      expect(check('truth', [dumpFolder(host), '--', '--types', 'layout']).last).toMatch(ALL_RIGHT);
    });

    test("by kvm.ko's DWARF alone, BTF and profiles off", () => {
      const options = ['--types', 'dwarf', '--kvm-module', join(debug, 'kvm.ko.xz'), '--debug-dir', '/nowhere'];
      const { last } = check('truth', [dumpFolder(host), '--vms', 'alpha,beta,protnone', '--', ...options]);
      expect(last).toMatch(ALL_RIGHT);
    });

    test('JSON is byte for byte the same with kvm.ko and System.map beside the dump', () => {
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
