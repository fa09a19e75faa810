// SPDX-License-Identifier: Apache-2.0
// A short run of the mutations of fuzz/; the long one is `npm run fuzz` (docs/robustness.md).
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT } from '../run.js';

test('700 damaged dumps: no wrong answer unless it read a changed byte of memory, no hang, no other error', () => {
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(ROOT, 'fuzz', 'run.mjs'), '--mutants', '700', '--seed', '7', '--workers', '2'],
    { encoding: 'utf8' },
  );
  expect({ status, stdout: status === 0 ? '' : stdout }).toEqual({ status: 0, stdout: '' });
  expect(stdout).toMatch(/^700 mutants of 7 fixtures, seed 7/m);
  expect(stdout).toMatch(/^0 bad$/m);
});
