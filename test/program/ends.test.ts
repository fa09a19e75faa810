// SPDX-License-Identifier: Apache-2.0
// Every run ends, whatever V8's threads do (src/cli/end.ts, docs/robustness.md).
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
  'long runs end, with the expected result',
  () => {
    const { status, stdout } = ends('--runs', '8');
    expect({ status, stdout: status === 0 ? '' : stdout }).toEqual({ status: 0, stdout: '' });
    expect(stdout).toMatch(/^8 runs, 2 at once/m);
  },
  LIMIT,
);

// V8's stress threads restart by themselves, in a few of a hundred runs between the last check and the end.
test(
  'with threads that request garbage collections nearly all runs end; without the wait less than half would',
  () => {
    const { stdout } = ends('--runs', '12', '--stress', '--limit', '30');
    const ended = [...stdout.matchAll(/: (\d+) of \d+ ended/g)].reduce((sum, [, count]) => sum + Number(count), 0);
    expect({ enough: ended >= 9, stdout }).toEqual({ enough: true, stdout });
  },
  LIMIT,
);
