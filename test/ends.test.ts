// SPDX-License-Identifier: Apache-2.0
// Every run ends. Without src/cli-end.ts more than half of these do not.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { LIMIT, ROOT } from './run.js';

test(
  '16 runs whose threads ask for garbage collections up to the end',
  () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [join(ROOT, 'fuzz', 'ends.mjs'), '--runs', '16', '--parallel', '2', '--stress'],
      { encoding: 'utf8', timeout: LIMIT, killSignal: 'SIGKILL' },
    );
    expect({ status, stdout: status === 0 ? '' : stdout }).toEqual({ status: 0, stdout: '' });
    expect(stdout).toMatch(/^16 runs, 2 at once/m);
  },
  LIMIT,
);
