// SPDX-License-Identifier: Apache-2.0
// 10,000 files, most of them sparse and not dumps; and a reader that does not want all of the records.
import type { ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { beforeAll, expect, test } from '@jest/globals';
import { childrenOf, contentOf, isRunning, started } from '../build/queue.js';
import { until } from '../build/redis.js';
import { dumpsIn, linesOf, scan, scanFolder, VMS } from '../build/scan.js';
import { LIMIT } from '../run.js';

const { inFolder } = scanFolder();
const DUMPS = 10_000;
/** Each dump of this number is a real one. */
const REAL = 997;
const isReal = (_: unknown, i: number): boolean => i % REAL === REAL - 1;
const list = inFolder('list');
const paths = Array.from({ length: DUMPS }, (_, i) => inFolder(join('dumps', `vmcore ${i}`)));

beforeAll(() => {
  mkdirSync(inFolder('dumps'));
  for (const [i, path] of paths.entries()) {
    if (isReal(path, i)) copyFileSync(VMS[i % VMS.length] as string, path);
    else {
      writeFileSync(path, `not a dump: ${i}`);
      truncateSync(path, 2 ** 30 + i);
    }
  }
  writeFileSync(list, paths.map((path) => `"${path}"\n`).join(''));
});

/** The most memory that a process has had, in bytes; 0 once it has ended. */
function peakOf({ pid }: ChildProcess): number {
  try {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** How many dumps are done. */
const doneIn = (parts: string): number =>
  existsSync(parts) ? readdirSync(parts).filter((name) => name.endsWith('.dump')).length : 0;

test(
  '10,000 dumps, killed twice: a record each, in their order, in bounded memory',
  async () => {
    const output = inFolder('all.jsonl');
    const parts = `${output}.parts`;
    const peaks: number[] = [];
    const said: string[] = [];
    for (const enough of [3000, 7000, Infinity]) {
      const before = doneIn(parts);
      const { child, end } = started(['--list', list, '-o', output]);
      let peak = 0;
      while (child.exitCode === null && doneIn(parts) < enough) {
        peak = Math.max(peak, peakOf(child));
        await wait(200);
      }
      const workers = childrenOf(child);
      child.kill('SIGKILL');
      const { status, stderr } = await end;
      // What is written now is found by the next scan.
      await until(() => !workers.some(isRunning));
      expect([status, child.signalCode]).toEqual(enough === Infinity ? [1, null] : [null, 'SIGKILL']);
      peaks.push(peak);
      if (before > 0)
        said.push(`${before} of ${DUMPS}`, ...(/\d+ of \d+(?= dumps were analysed before)/.exec(stderr) ?? []));
    }
    // Measured, and bounded.
    expect(Math.min(...peaks)).toBeGreaterThan(30e6);
    expect(Math.max(...peaks)).toBeLessThan(300e6);
    // What was done is not done again.
    expect(said).toHaveLength(4);
    expect([said[1], said[3]]).toEqual([said[0], said[2]]);

    const lines = linesOf(readFileSync(output, 'utf8'));
    const dumps = dumpsIn(lines);
    expect(dumps.map(({ dump }) => dump)).toEqual(paths);
    const real = paths.filter(isReal);
    expect(dumps.filter(({ status }) => status === 'ok').map(({ dump }) => dump)).toEqual(real);
    const refused = dumps.filter(({ status }) => status === 'failed');
    expect(refused).toHaveLength(DUMPS - real.length);
    for (const { dump, error } of refused) expect(error).toMatch(new RegExp(`^${String(dump)}: not a dump`));
    const undisturbed = contentOf(scan(...real, '-q').stdout);
    const found = lines.filter(({ dump }) => real.includes(dump as string)).map((line) => JSON.stringify(line));
    expect(contentOf(found.join('\n'))).toEqual(undisturbed);
    expect(lines).toHaveLength(undisturbed.length + refused.length);
  },
  LIMIT,
);

test('a reader that closes early ends the scan, its processes and its temporary files', async () => {
  const folder = inFolder('temporary');
  mkdirSync(folder);
  const { child, end } = started(['--list', list], { TMPDIR: folder });
  let workers: number[] = [];
  await until(() => {
    workers = childrenOf(child);
    return workers.length > 0 && readdirSync(folder).length > 0;
  });
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  child.stdout?.destroy();
  expect(await end).toMatchObject({ status: 0, stderr: '' });
  expect(readdirSync(folder)).toEqual([]);
  await until(() => !workers.some(isRunning));
});
