// SPDX-License-Identifier: Apache-2.0
// Compares the extension, in the real crash, with kvm-vtop and with QEMU's monitor. It needs Debian's crash and the debug
// information of the recorded host's kernel: KVM_VTOP_CRASH_DEBUG names a folder with its vmlinux and kvm.ko
// (crash-ext/get-debug).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { crash, debugFile, make, needing, recordedHosts } from '../needs.js';
import { ROOT, SHARED } from '../run.js';

const debug = process.env.KVM_VTOP_CRASH_DEBUG ?? '';
const host = join(SHARED, 'dumps', 'debian-5.10-lzo');
/** A file of lines "PID GPA HVA HPA", one for every address that QEMU's monitor reported. */
function monitorFile(): string {
  const lines = readFileSync(join(host, 'truth.txt'), 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
  const pids = new Map(lines.filter(([word]) => word === 'GUEST').map(([, name, pid]) => [name, pid]));
  const told = lines.filter(([word]) => word === 'MON').map(([, name, ...rest]) => [pids.get(name), ...rest].join(' '));
  expect(told.length).toBeGreaterThan(100);
  const path = join(mkdtempSync(join(tmpdir(), 'kvm-vtop-crash-')), 'monitor');
  writeFileSync(path, `${told.join('\n')}\n`);
  return path;
}

needing(crash, make, recordedHosts, debugFile('KVM_VTOP_CRASH_DEBUG', 'vmlinux')).test(
  'built with Debian’s defs.h it agrees with kvm-vtop and with QEMU',
  () => {
    const built = spawnSync('make', ['-C', join(ROOT, 'crash-ext'), '-B'], { encoding: 'utf8' });
    expect([built.status, built.stderr]).toEqual([0, '']);
    const files = ['--vmlinux', join(debug, 'vmlinux'), '--kvm-module', join(debug, 'kvm.ko')];
    const run = spawnSync(
      join(ROOT, 'crash-ext', 'cross-check'),
      [join(host, 'vmcore'), ...files, '--count', '150', '--expect', monitorFile()],
      { encoding: 'utf8', maxBuffer: 2 ** 28 },
    );
    expect(run.stdout).toMatch(/^(\d{3}) of \1 as QEMU's monitor reported them$/m);
    expect(run.stdout).toMatch(/^\d{4} addresses, 0 differences that are not explained$/m);
    expect(run.status).toBe(0);
  },
  600_000,
);
