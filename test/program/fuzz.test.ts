// SPDX-License-Identifier: Apache-2.0
// A short run of the mutations of fuzz/; the long one is `npm run fuzz` (docs/robustness.md).
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT } from '../run.js';

test.each([
  { ask: 'addresses', mutants: 700, of: '7 fixtures', options: [] },
  // The output of one fixture's commands is enough for a short run.
  { ask: 'commands', mutants: 200, of: '1 fixture', options: ['--fixture', 'debian-7.2-vms'] },
  { ask: 'guests', mutants: 100, of: '1 fixture', options: ['--fixture', 'debian-7.2-guest'] },
])(
  '$ask of $mutants damaged dumps: no wrong answer unless it read a changed byte of memory, no hang, no other error',
  ({ ask, mutants, of, options }) => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [
        join(ROOT, 'fuzz', 'run.mjs'),
        ...['--ask', ask, '--mutants', String(mutants), '--seed', '7', '--workers', '2'],
        ...options,
      ],
      { encoding: 'utf8' },
    );
    expect({ status, stdout: status === 0 ? '' : stdout }).toEqual({ status: 0, stdout: '' });
    expect(stdout).toContain(`\n${mutants} mutants of ${of}, seed 7`);
    expect(stdout).toMatch(/^0 bad$/m);
  },
);

test('6,000 streams, most of them damaged: the decoder of pages has the verdict and the bytes of node:zlib', () => {
  const args = [join(ROOT, 'fuzz', 'inflate.mjs'), '--streams', '3000', '--seed', '7'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const [, accepted, refused] = /: (\d+) accepted, (\d+) refused, 0 differ/.exec(stdout) ?? [];
  // Both verdicts, or the streams would show little.
  expect(Math.min(Number(accepted), Number(refused))).toBeGreaterThan(1500);
});
