// SPDX-License-Identifier: Apache-2.0
// Users without a cache folder get the same answer.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { ANSWER, DUMP, ONE } from '../../build/alpha.js';
import { dumpFolder } from '../../build/recorded.js';
import { scratch } from '../../build/scratch.js';
import { type Need, needing, recordedHosts } from '../../needs.js';
import { kvmVtop, LIMIT, ROOT, SHARED } from '../../run.js';

const { folder } = scratch('cache');

describe('a user whose cache folder cannot be created', () => {
  const kvmKo = join(SHARED, 'debug', '6.1.0-50-amd64', 'kvm.ko.xz');
  const byModule = ['-c', DUMP, ...ONE, '--kvm-module', kvmKo];
  const { test: withHosts } = needing(recordedHosts);

  withHosts('a home folder in which every system call fails with ENOENT', () => {
    const environment = { ...process.env, HOME: '/proc', XDG_CACHE_HOME: '' };
    expect(kvmVtop(byModule, '', environment)).toMatchObject({ status: 0, stdout: expect.stringMatching(ANSWER) });
    const output = join(folder, 'layout.json');
    expect(
      kvmVtop(['layout', '-c', join(dumpFolder('debian-6.1-zlib'), 'vmcore'), '-o', output], '', environment).status,
    ).toBe(0);
  });

  withHosts.each(['', 'relative'])('no home folder (HOME=%j)', (home) => {
    const environment = { ...process.env, HOME: home, XDG_CACHE_HOME: home };
    expect(kvmVtop(byModule, '', environment)).toMatchObject({ status: 0, stdout: expect.stringMatching(ANSWER) });
  });

  const root: Need = { name: 'root', isThere: () => process.getuid?.() === 0, installable: false };
  needing(recordedHosts, root).test('a user who is not in passwd, as in a container', () => {
    const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'HOME'));
    const as = ['--reuid=4242', '--regid=4242', '--clear-groups', process.execPath, join(ROOT, 'dist', 'cli.js')];
    const run = spawnSync('setpriv', [...as, ...byModule], { env: environment, encoding: 'utf8', timeout: LIMIT });
    expect(run).toMatchObject({ status: 0, stdout: expect.stringMatching(ANSWER) });
  });
});
