// SPDX-License-Identifier: Apache-2.0
// The whole truth: every page of every VM of the recorded hosts, by the checkers that lie beside them.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { hasShared, ROOT, SHARED } from './run.js';

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

needsShared.each(['debian-5.10-lzo', 'debian-6.1-zlib', 'debian-6.12-zstd', 'debian-7.2-zstd-contents'])(
  '%s: every page that its kernel and QEMU told of',
  (host) => {
    const { status, last, text } = check('truth', hosts(host));
    expect({ status, wrong: status === 0 ? '' : text }).toEqual({ status: 0, wrong: '' });
    expect(last).toMatch(/^(\d+) of \1 right$/);
  },
);

needsShared('the text of 354 addresses is what crash 9.0.2 printed', () => {
  const { last } = check('vtop', hosts('debian-5.10-lzo', 'debian-6.1-zlib', 'debian-6.12-zstd'));
  expect(last).toBe('354 of 354 as crash prints them');
});
