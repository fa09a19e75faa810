// SPDX-License-Identifier: Apache-2.0
// The whole truth: every page of every VM of the recorded hosts, by the checkers that lie beside them.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { kdump } from './build/files.js';
import { contentsOf, wishOf } from './build/recoded.js';
import { hasReference } from './build/reference.js';
import { HOSTS, hasShared, kvmVtop, ROOT, SHARED } from './run.js';

const needsShared = hasShared ? test : test.skip;
if (!hasShared) console.log(`skipped: no recorded hosts in ${SHARED}; set KVM_VTOP_SHARED to their folder`);

const hosts = (...names: string[]) => names.map((name) => join(SHARED, 'dumps', name));

function check(tool: string, args: readonly string[]): { status: number | null; last: string; text: string } {
  const run = spawnSync(process.execPath, [join(SHARED, 'check', tool), ...args], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  return { status: run.status, last: run.stdout.trimEnd().split('\n').at(-1) ?? '', text: run.stdout };
}

needsShared.each(HOSTS)('$host: every page that its kernel and QEMU told of', ({ host }) => {
  const { status, last, text } = check('truth', hosts(host));
  expect({ status, wrong: status === 0 ? '' : text }).toEqual({ status: 0, wrong: '' });
  expect(last).toMatch(/^(\d+) of \1 right$/);
});

needsShared('the text of 354 addresses is what crash 9.0.2 printed', () => {
  const { last } = check('vtop', hosts('debian-5.10-lzo', 'debian-6.1-zlib', 'debian-6.12-zstd'));
  expect(last).toBe('354 of 354 as crash prints them');
});

(hasShared && hasReference ? test : test.skip)(
  'a host whose pages the real snappy packed, as no makedumpfile of Debian does',
  async () => {
    const [host] = hosts('debian-6.1-zlib') as [string];
    const folder = mkdtempSync(join(tmpdir(), 'kvm-vtop-snappy-'));
    for (const name of readdirSync(host)) if (name !== 'vmcore') symlinkSync(join(host, name), join(folder, name));
    writeFileSync(join(folder, 'vmcore'), kdump(wishOf(await contentsOf(join(host, 'vmcore')), 'snappy')));
    expect(check('truth', [folder]).last).toBe('79174 of 79174 right');
  },
);

describe.each(HOSTS)('$host', ({ host, release, pid }) => {
  const debug = join(SHARED, 'debug', release);

  needsShared('by the profile that is shipped, BTF off', () => {
    expect(check('truth', [...hosts(host), '--', '--types', 'layout']).last).toMatch(/^(\d{5}) of \1 right$/);
  });

  needsShared("by kvm.ko's DWARF alone, BTF and profiles off", () => {
    const options = ['--types', 'dwarf', '--kvm-module', join(debug, 'kvm.ko.xz'), '--debug-dir', '/nowhere'];
    const { last } = check('truth', [...hosts(host), '--vms', 'alpha,beta,protnone', '--', ...options]);
    expect(last).toMatch(/^(\d{5}) of \1 right$/);
  });

  needsShared('JSON is byte for byte the same with kvm.ko and System.map beside the dump', () => {
    const gpas = Array.from({ length: 4096 }, (_, i) => (i * 0x8123).toString(16)).join('\n');
    const ask = (...options: string[]) =>
      kvmVtop(['-c', join(SHARED, 'dumps', host, 'vmcore'), '-g', pid, '-p', '-', '--json', ...options], gpas);
    const alone = ask('--types', 'btf');
    expect(alone.stdout.split('\n')).toHaveLength(4097);
    const files = ['--kvm-module', join(debug, 'kvm.ko.xz'), '--system-map', join(debug, 'System.map.xz')];
    expect(ask(...files)).toEqual(alone);
  });
});
