// SPDX-License-Identifier: Apache-2.0
// Messages for recorded hosts if there is no address.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { dumpFolder } from '../../build/recorded.js';
import { needing, recordedHosts } from '../../needs.js';
import { kvmVtop } from '../../run.js';

const { test: withHosts } = needing(recordedHosts);
const dump = (host: string): string => join(dumpFolder(host), 'vmcore');

describe('without a VM, the VMs are listed', () => {
  const whole = ['-c', dump('debian-6.1-zlib')];

  withHosts('a pid that does not exist', () => {
    const { status, stdout, stderr } = kvmVtop([...whole, '-g', '99999', '-p', '0']);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toBe(
      'kvm-vtop: no process or task_struct 99999 in the dump; VMs: 136 (qemu-system-x86, fd 9), 142 (qemu-system-x86, fd 9), ' +
        "150 (two-vms, fd 4 6), 153 (orphan-holder, fd 5), 156 (protnone, fd 4); 'kvm-vtop vms' lists the VMs\n",
    );
    const named = kvmVtop([...whole, '-g', 'alpha', '-p', '0']).stderr;
    expect(named).toMatch(
      /^kvm-vtop: -g 'alpha' is not .* no VM is known to have this name or UUID: the names of 6 VMs can't be read from the dump, so use a pid; VMs: 136 /,
    );
  });

  withHosts('no -g', () => {
    expect(kvmVtop(whole).stderr).toMatch(/^kvm-vtop: -g is missing: .*; VMs: 136 .*156/);
  });

  withHosts('a process without a VM', () => {
    const { status, stderr } = kvmVtop([...whole, '-g', '1', '-p', '0']);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^kvm-vtop: pid 1 \(\w+\) does not hold a VM; VMs: 136/);
  });
});

describe('messages for missing pages', () => {
  withHosts('memory that /proc/vmcore leaves out is not reported as missing in the machine', () => {
    const { stdout, status } = kvmVtop(['phys', '-c', dump('debian-6.1-zlib'), '1000']);
    expect(status).toBe(2);
    expect(stdout).toMatch(/the dump does not cover this frame: it is not RAM, or \/proc\/vmcore leaves it out/);
  });

  withHosts('a page of shared memory or of a file that is not mapped can be in the page cache or in swap', () => {
    const states = readFileSync(join(dumpFolder('debian-6.12-facts'), 'truth.txt'), 'latin1').matchAll(
      /^STATE states (\S+) \S+ (\S+)/gm,
    );
    const gpaOf = new Map([...states].map(([, gpa = '', kind = '']) => [kind, gpa]));
    const message = (kind: string): string => {
      const run = kvmVtop(['-c', dump('debian-6.12-facts'), '-g', '216', '-p', gpaOf.get(kind) ?? '', '--json']);
      return (JSON.parse(run.stdout) as { message: string }).message;
    };
    const cached = /no page is mapped there, but the page cache of its file has the page, at physical address 0x14/;
    for (const [kind, text] of [
      ['memfd-unmapped', cached],
      ['file-private-absent', cached],
      ['shmem-swapped', /no page is mapped there, and the page of the shared memory has been swapped out/],
      ['shmem-absent', /no page is mapped there, and the page cache of its file does not have one$/],
      ['untouched', /^the P\w\w entry is empty: no page is allocated there$/],
    ] as const)
      expect([kind, message(kind)]).toEqual([kind, expect.stringMatching(text)]);
  });

  withHosts.each([
    ['debian-5.10-lzo', '151', '150'],
    ['debian-6.1-zlib', '154', '153'],
    ['debian-6.1-zlib', '0x9a', '153'],
  ])('%s: the creator of a VM has exited, and another process holds it', (host, creator, holder) => {
    const { stdout, stderr } = kvmVtop(['-c', dump(host), '-g', creator, '-p', '0', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      pid: Number(holder),
      state: 'not-present',
      reason: 'address-space-gone',
    });
    const asHolder = kvmVtop(['-c', dump(host), '-g', holder, '-p', '0', '--json']);
    expect(stdout).toBe(asHolder.stdout);
    expect(stderr).toMatch(
      new RegExp(
        `^kvm-vtop: pid ${Number(creator)} created the VM but no longer holds it: pid ${holder} \\(.*\\) holds it now$`,
        'm',
      ),
    );
  });
});
