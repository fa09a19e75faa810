// SPDX-License-Identifier: Apache-2.0
// Runs end, whatever V8's threads do (src/cli/end.ts, docs/robustness.md).
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { LIMIT, ROOT } from '../run.js';

const ends = (...options: string[]) =>
  spawnSync(process.execPath, [join(ROOT, 'fuzz', 'ends.mjs'), '--parallel', '2', ...options], {
    encoding: 'utf8',
    timeout: LIMIT,
    killSignal: 'SIGKILL',
  });

test(
  'runs that take long end, each as it should',
  () => {
    const { status, stdout } = ends('--runs', '8');
    expect({ status, stdout: status === 0 ? '' : stdout }).toEqual({ status: 0, stdout: '' });
    expect(stdout).toMatch(/^8 runs, 2 at once/m);
  },
  LIMIT,
);

// V8's stress threads start anew by themselves, a few times in a hundred in the instant between the last look and the end.
test(
  'with threads that ask for garbage collections nearly all end; without the wait for them less than half do',
  () => {
    const { stdout } = ends('--runs', '12', '--stress', '--limit', '30');
    const ended = [...stdout.matchAll(/: (\d+) of \d+ ended/g)].reduce((sum, [, count]) => sum + Number(count), 0);
    expect({ enough: ended >= 9, stdout }).toEqual({ enough: true, stdout });
  },
  LIMIT,
);
